import { hashJti, readClaims, type TokenClaims } from './claims.ts';
import { readJsonObject } from './encoding.ts';
import { maxTokenBytes, type ObjectType, type TokenType } from './format.ts';
import { openJws } from './jws.ts';
import type { KeySet } from './keys.ts';

/** A value that one of our keys signed. Says nothing about time, issuer, audience or revocation. */
export interface SignedToken {
  readonly keyId: string;
  readonly claims: TokenClaims;
  /** SHA-256 of `jti`, lower-case hex: how databases and feeds name the value. */
  readonly jtiHash: string;
}

/** A signed object of the feed. */
export interface SignedObject {
  readonly keyId: string;
  /** Frozen to the bottom. */
  readonly payload: Readonly<Record<string, unknown>>;
}

/**
 * Checks shape, header, key, signature and the form of the claims, in this order. Time, issuer and audience are
 * `checkClaims`; whether the value is still live only the control plane or its feed can say.
 *
 * @param value compact JWS, at most 4096 bytes, without `Bearer `
 * @param type the only `typ` that is accepted
 * @throws VerificationError `code` tells which check failed
 */
export function verifySignedToken(value: string, keys: KeySet, type: TokenType): SignedToken {
  const { key, payload } = openJws(value, keys, type, maxTokenBytes);
  const claims = readClaims(readJsonObject(payload), type);
  return Object.freeze({ keyId: key.keyId, claims, jtiHash: hashJti(claims.jti) });
}

/**
 * Checks a signed object of the feed: the same strict JWS with any JSON object in it. What the members mean, the caller's
 * schema decides.
 *
 * @param maxBytes the largest text to look at; batches are longer than tokens
 * @throws VerificationError `code` tells which check failed
 */
export function verifySignedObject(jws: string, keys: KeySet, type: ObjectType, maxBytes: number): SignedObject {
  const { key, payload } = openJws(jws, keys, type, maxBytes);
  return { keyId: key.keyId, payload: readJsonObject(payload) };
}
