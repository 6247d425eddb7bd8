import { Buffer } from 'node:buffer';
import { decodeBase64url } from './encoding.ts';
import { refuse } from './errors.ts';
import { prefixes, product, type SignedType } from './format.ts';
import { type KeySet, keyIdPattern, type VerificationKey } from './keys.ts';
import { isSignatureGood } from './signature.ts';

export interface OpenedJws {
  readonly key: VerificationKey;
  /** Signed, and not looked at yet. */
  readonly payload: Buffer;
}

/**
 * The whole header of each type, byte for byte. It is matched and not parsed, so there is no room for another member
 * (`crit`, `jwk`, `jku`, `x5c`, `x5u`, `zip`, `enc`, `b64` …), a duplicate or an escape (J-04, J-10, J-12).
 */
const headerForms: Readonly<Record<SignedType, RegExp>> = {
  'at+jwt': headerFormOf('at+jwt'),
  'agent+jwt': headerFormOf('agent+jwt'),
  'feed+jwt': headerFormOf('feed+jwt'),
  'heartbeat+jwt': headerFormOf('heartbeat+jwt'),
};
const compactForm = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/**
 * Opens a compact JWS (RFC 7515 §7.1) of exactly one type.
 *
 * Order: size, prefix, shape, header, key, signature. The payload is returned as it was signed; nobody has read it yet.
 */
export function openJws(value: string, keys: KeySet, type: SignedType, maxBytes: number): OpenedJws {
  checkPrefix(value, type, maxBytes);
  const headerEnd = value.indexOf('.');
  const payloadEnd = value.indexOf('.', headerEnd + 1);
  if (headerEnd < 0 || payloadEnd < 0) refuse('malformed');
  const header = decodeSegment(value.slice(0, headerEnd));
  const payload = decodeSegment(value.slice(headerEnd + 1, payloadEnd));
  const signature = decodeSegment(value.slice(payloadEnd + 1)); // a further dot is not base64url
  const key = findKey(header.toString('latin1'), keys, type);
  const message = Buffer.from(value.slice(0, payloadEnd), 'latin1');
  if (!isSignatureGood(key, message, signature)) refuse('bad_signature');
  return { key, payload };
}

/** Refuses what is too long or does not begin like a value of this type: costs next to nothing and comes before all else (F-02). */
export function checkPrefix(value: string, type: SignedType, maxBytes: number): void {
  if (typeof value !== 'string') refuse('malformed'); // callers in plain JavaScript
  if (value.length > maxBytes) refuse('too_large');
  if (!value.startsWith(prefixes[type])) refuse(compactForm.test(value) ? 'unknown_type' : 'malformed');
}

/** The header names a key, and the key decides the algorithm: a header that says another one is refused (J-01, J-03). */
function findKey(header: string, keys: KeySet, type: SignedType): VerificationKey {
  const [, algorithm, keyId = ''] = headerForms[type].exec(header) ?? refuse('malformed');
  const key = keys.get(keyId) ?? refuse('unknown_key');
  if (key.algorithm !== algorithm) refuse('wrong_algorithm');
  return key;
}

function headerFormOf(type: SignedType): RegExp {
  const typ = type.replace('+', '\\+');
  return new RegExp(`^\\{"typ":"${typ}","prd":"${product}","alg":"([A-Za-z0-9-]{1,16})","kid":"(${keyIdPattern})"\\}$`);
}

function decodeSegment(text: string): Buffer {
  return decodeBase64url(text) ?? refuse('malformed');
}
