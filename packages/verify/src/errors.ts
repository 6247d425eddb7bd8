/** Every way a value can be refused. Codes are public and never reused; README.md says what each one means. */
export const verificationCodes = [
  'malformed',
  'too_large',
  'unknown_type',
  'unknown_key',
  'wrong_algorithm',
  'bad_signature',
  'bad_claims',
  'wrong_issuer',
  'wrong_audience',
  'expired',
  'not_yet_valid',
  'not_live',
  'live_state_required',
] as const;
export type VerificationCode = (typeof verificationCodes)[number];

/** A refused value. The message is the code and nothing else: it never quotes the value, its claims or a key. */
export class VerificationError extends Error {
  override readonly name = 'VerificationError';
  readonly code: VerificationCode;

  constructor(code: VerificationCode) {
    super(`token refused: ${code}`);
    this.code = code;
  }
}

export function refuse(code: VerificationCode): never {
  throw new VerificationError(code);
}
