import { describe, expect, test } from 'vitest';
import { agentClaims, eddsa, es256, keySet, otherEs256, signValue, standardClaims } from '../testing.ts';
import { createSignatureCache, importKey, importKeys } from './index.ts';

const value = signValue('at+jwt', standardClaims);
const keysOf = (...keys: { jwk: typeof es256.jwk }[]) => importKeys({ keys: keys.map(({ jwk }) => jwk) });

describe('signature cache', () => {
  test('a second look gives the same frozen token', () => {
    const cache = createSignatureCache(keySet);
    const first = cache.verify(value, 'at+jwt');
    expect(cache.verify(value, 'at+jwt')).toBe(first);
    expect(cache.size).toBe(1);
    expect(Object.isFrozen(first.claims.permissions)).toBe(true);
  });

  test('a refused value is not remembered', () => {
    const cache = createSignatureCache(keySet);
    for (const wrong of [`${value}A`, value.slice(0, -4), 'x', signValue('at+jwt', { ...standardClaims, kind: 'ROOT' })]) {
      expect(() => cache.verify(wrong, 'at+jwt')).toThrow(/^token refused/);
    }
    expect(cache.size).toBe(0);
  });

  test('F-02 what does not begin like ours is refused before the cache is asked', () => {
    const cache = createSignatureCache(keySet);
    cache.verify(value, 'at+jwt');
    expect(() => cache.verify(value, 'agent+jwt')).toThrow('token refused: unknown_type');
  });

  test('J-06 a remembered value is not accepted as another type', () => {
    const cache = createSignatureCache(keySet);
    const agent = signValue('agent+jwt', agentClaims);
    cache.verify(agent, 'agent+jwt');
    expect(() => cache.verify(agent, 'at+jwt')).toThrow('token refused: unknown_type');
  });

  test('removing a key forgets what it signed, and only that', () => {
    const cache = createSignatureCache(keysOf(es256, eddsa));
    const other = signValue('at+jwt', standardClaims, eddsa);
    const kept = cache.verify(other, 'at+jwt');
    cache.verify(value, 'at+jwt');
    cache.replaceKeys(keysOf(eddsa));
    expect(cache.size).toBe(1);
    expect(() => cache.verify(value, 'at+jwt')).toThrow('token refused: unknown_key');
    expect(cache.verify(other, 'at+jwt')).toBe(kept);
  });

  test('another key under the same name forgets what the first one signed', () => {
    const cache = createSignatureCache(keysOf(es256));
    cache.verify(value, 'at+jwt');
    cache.replaceKeys(keysOf({ jwk: { ...otherEs256.jwk, kid: es256.keyId } }));
    expect(cache.size).toBe(0);
    expect(() => cache.verify(value, 'at+jwt')).toThrow('token refused: bad_signature');
  });

  test('the same key imported again keeps what it signed', () => {
    const cache = createSignatureCache(keysOf(es256));
    const token = cache.verify(value, 'at+jwt');
    cache.replaceKeys(keysOf(es256, eddsa));
    expect(cache.verify(value, 'at+jwt')).toBe(token);
  });

  test('a key that vanishes from the set in use counts at once, even without replaceKeys', () => {
    const keys = new Map([[es256.keyId, importKey(es256.jwk)]]);
    const cache = createSignatureCache(keys);
    cache.verify(value, 'at+jwt');
    keys.clear();
    expect(() => cache.verify(value, 'at+jwt')).toThrow('token refused: unknown_key');
  });

  test('the size is bounded, the oldest goes first', () => {
    const cache = createSignatureCache(keySet, { maxEntries: 3 });
    const values = [1, 2, 3, 4].map((n) => signValue('at+jwt', { ...standardClaims, iat: standardClaims.iat + n }));
    const tokens = values.map((each) => cache.verify(each, 'at+jwt'));
    expect(cache.size).toBe(3);
    expect(cache.verify(values[3] ?? '', 'at+jwt')).toBe(tokens[3]);
    expect(cache.verify(values[0] ?? '', 'at+jwt')).not.toBe(tokens[0]);
    expect(cache.size).toBe(3);
  });

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('maxEntries %d is a mistake', (maxEntries) => {
    expect(() => createSignatureCache(keySet, { maxEntries })).toThrow(RangeError);
  });
});
