import { hash } from 'node:crypto';
import { maxTokenBytes, type TokenType } from './format.ts';
import { checkPrefix } from './jws.ts';
import type { KeySet, VerificationKey } from './keys.ts';
import { type SignedToken, verifySignedToken } from './signed.ts';

/** Remembers that a signature is good and what it signed; never a verdict. Time, issuer, audience and revocation are for every request anew. */
export interface SignatureCache {
  /**
   * `verifySignedToken`, at the price of one SHA-256 when the value was seen before. Only good values are kept, so nobody
   * without one of our signatures can push anything out.
   *
   * @throws VerificationError as `verifySignedToken` does
   */
  verify(value: string, type: TokenType): SignedToken;
  /** Uses `keys` from now on and forgets what a key signed that is not among them, or is another one under the same name. */
  replaceKeys(keys: KeySet): void;
  readonly size: number;
}

export interface SignatureCacheOptions {
  /** How many values to remember, about 2 KB each; past it the oldest goes. Default 10,000. */
  readonly maxEntries?: number;
}

interface Entry {
  readonly token: SignedToken;
  key: VerificationKey;
}

/** Makes an empty cache in front of `keys`. */
export function createSignatureCache(keys: KeySet, { maxEntries = 10_000 }: SignatureCacheOptions = {}): SignatureCache {
  if (!Number.isSafeInteger(maxEntries) || maxEntries < 1) throw new RangeError('maxEntries is not a whole number above 0');
  let current = keys;
  const entries = new Map<string, Entry>(); // by SHA-256 of the value, so that no value stays in memory

  /** Asked on every hit as well as on `replaceKeys`: an entry is never better than the key set of this moment. */
  function isKeyStillHere(entry: Entry): boolean {
    const key = current.get(entry.token.keyId);
    if (key === undefined || !isSameKey(key, entry.key)) return false;
    entry.key = key; // the same key imported again: compare by identity from here on
    return true;
  }

  function remember(id: string, entry: Entry): void {
    entries.delete(id);
    // First in, first out: putting hits in front would cost every hit to save one signature check per `maxEntries` new values.
    const oldest = entries.keys().next();
    if (entries.size >= maxEntries && !oldest.done) entries.delete(oldest.value);
    entries.set(id, entry);
  }

  return {
    verify(value, type) {
      checkPrefix(value, type, maxTokenBytes); // before anything is hashed or looked up (F-02)
      const id = hash('sha256', value, 'base64url');
      const known = entries.get(id);
      if (known && isKeyStillHere(known)) return known.token; // the same text, whose prefix is of the type asked for
      const token = verifySignedToken(value, current, type);
      const key = current.get(token.keyId);
      if (key) remember(id, { token, key });
      return token;
    },
    replaceKeys(next) {
      current = next;
      for (const [id, entry] of entries) if (!isKeyStillHere(entry)) entries.delete(id);
    },
    get size() {
      return entries.size;
    },
  };
}

function isSameKey(one: VerificationKey, other: VerificationKey): boolean {
  return one === other || (one.algorithm === other.algorithm && one.key.equals(other.key));
}
