import type { FieldError, ProblemCode } from '@astrolabe/contract/problems';

/** A failure the caller may read. `detail` is public: it may name ids and rights, never a secret. `cause` stays in the log. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly detail: string | undefined;
  readonly fieldErrors: readonly FieldError[] | undefined;

  constructor(code: ProblemCode, detail?: string, more: { cause?: unknown; fieldErrors?: readonly FieldError[] } = {}) {
    super(detail ?? code, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.detail = detail;
    this.fieldErrors = more.fieldErrors;
  }
}
