import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import published from '../test-vectors/keys.json' with { type: 'json' };
import { eddsa, es256, oneOfEach, rs256 } from '../testing.ts';
import { importKey, importKeys, type PublicJwk, thumbprint } from './index.ts';

/** A key as it may come from anywhere. */
const changed = (jwk: PublicJwk, change: Record<string, unknown>) => ({ ...jwk, ...change }) as PublicJwk;
const expectRefused = (jwk: PublicJwk) => expect(() => importKey(jwk)).toThrow(/^key refused: /);
const littleEndian = (y: bigint) => Buffer.from(y.toString(16).padStart(64, '0'), 'hex').reverse().toString('base64url');

describe('import', () => {
  test.each(oneOfEach)('$algorithm', ({ jwk, keyId, algorithm }) => {
    const key = importKey(jwk);
    expect(key).toMatchObject({ keyId, algorithm });
    expect(key.key.type).toBe('public');
    expect(Object.isFrozen(key)).toBe(true);
  });

  test('members that are not ours are ignored', () => {
    expect(importKey(changed(es256.jwk, { x5c: ['MIIB'], key_ops: ['verify'], nbf: 1 })).keyId).toBe(es256.keyId);
  });

  test('private keys are refused, and the message holds no key material', () => {
    for (const key of published.keys) {
      const secrets = [key.d, key.p].filter((secret) => secret !== undefined);
      try {
        importKey(key as unknown as PublicJwk);
        expect.unreachable();
      } catch (error) {
        expect(String(error)).toMatch(/^TypeError: key refused: it holds the private member "d"$/);
        for (const secret of secrets) expect((error as Error).stack).not.toContain(secret);
      }
    }
    expectRefused(changed(es256.jwk, { k: 'AAAA' }));
  });

  test.each(['none', 'HS256', 'ES384', 'ES256K', 'PS256', 'Ed25519', 'es256', '', undefined, null, ['ES256'], 'constructor'])(
    'J-01 alg %j is refused',
    (alg) => {
      for (const { jwk } of oneOfEach) expectRefused(changed(jwk, { alg }));
    },
  );

  test('J-03 a key with the algorithm of another type is refused', () => {
    for (const { jwk } of oneOfEach)
      for (const { algorithm } of oneOfEach) if (algorithm !== jwk.alg) expectRefused(changed(jwk, { alg: algorithm }));
  });

  test('J-03 a key that calls itself another type is refused', () => {
    for (const { jwk } of oneOfEach) {
      for (const kty of ['EC', 'OKP', 'RSA', 'oct', '', undefined]) if (kty !== jwk.kty) expectRefused(changed(jwk, { kty }));
    }
  });

  test.each(['', 'a/b', '../x', 'a b', 'a"b', 'x'.repeat(129), undefined, 1, ['a']])('J-05 kid %j is refused', (kid) => {
    expectRefused(changed(es256.jwk, { kid }));
  });

  test.each(['enc', undefined, ['sig'], ''])('use %j is refused', (use) => {
    expectRefused(changed(es256.jwk, { use }));
  });

  test('an ES256 key on another curve, off the curve or of another length is refused', () => {
    const { x, y } = es256.jwk;
    const other = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({ format: 'jwk' });
    expectRefused(changed(es256.jwk, { crv: other.crv, x: other.x, y: other.y }));
    expectRefused(changed(es256.jwk, { x: other.x, y: other.y }));
    expectRefused(changed(es256.jwk, { x: y, y: x }));
    expectRefused(changed(es256.jwk, { x: `AA${x}` }));
    expectRefused(changed(es256.jwk, { x: undefined }));
    expectRefused(changed(es256.jwk, { x: Buffer.alloc(32).toString('base64url'), y: Buffer.alloc(32).toString('base64url') }));
    expectRefused(changed(es256.jwk, { x: `${x}=` }));
  });

  const prime = 2n ** 255n - 19n;
  const orderEight = [
    0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
    0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
  ];
  test.each([0n, 1n, prime - 1n, ...orderEight])('J-11 an Ed25519 key of small order is refused: y = %d', (y) => {
    expectRefused(changed(eddsa.jwk, { x: littleEndian(y) }));
    expectRefused(changed(eddsa.jwk, { x: littleEndian(y + 2n ** 255n) }));
  });

  test.each([prime, prime + 1n, prime + 2n, 2n ** 255n - 1n])('J-11 an Ed25519 key that is not canonical is refused: y = %d', (y) => {
    expectRefused(changed(eddsa.jwk, { x: littleEndian(y) }));
    expectRefused(changed(eddsa.jwk, { x: littleEndian(y + 2n ** 255n) }));
  });

  test('another Edwards or Montgomery curve is refused', () => {
    for (const type of ['ed448', 'x25519'] as const) {
      const pair = type === 'ed448' ? generateKeyPairSync('ed448') : generateKeyPairSync('x25519');
      const { crv, x } = pair.publicKey.export({ format: 'jwk' });
      expectRefused(changed(eddsa.jwk, { crv, x }));
    }
  });

  test.each([1024, 2047, 4104])('an RSA modulus of %d bits is refused', (bits) => {
    const modulus = (1n << BigInt(bits - 1)) + 1n;
    const hex = modulus.toString(16);
    const n = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString('base64url');
    expectRefused(changed(rs256.jwk, { n }));
  });

  test('an RSA exponent other than 65537 and a modulus with a leading zero are refused', () => {
    for (const e of ['AQ', 'Aw', 'AAEAAQ', '', undefined]) expectRefused(changed(rs256.jwk, { e }));
    const padded = Buffer.concat([Buffer.alloc(1), Buffer.from(rs256.jwk.n ?? '', 'base64url')]).toString('base64url');
    expectRefused(changed(rs256.jwk, { n: padded }));
  });
});

describe('key set', () => {
  test('is by key id', () => {
    const keys = importKeys({ keys: oneOfEach.map(({ jwk }) => jwk) });
    expect([...keys.keys()]).toEqual(oneOfEach.map(({ keyId }) => keyId));
  });

  test('two keys of one name are refused, and one bad key refuses the set', () => {
    expect(() => importKeys({ keys: [es256.jwk, changed(eddsa.jwk, { kid: es256.keyId })] })).toThrow(
      'another key of the set has the same "kid"',
    );
    expect(() => importKeys({ keys: [es256.jwk, changed(eddsa.jwk, { use: 'enc' })] })).toThrow(/^key refused: /);
  });
});

describe('thumbprint', () => {
  test('is the one of the RFC 7638 example', () => {
    const n =
      '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw';
    expect(thumbprint({ kty: 'RSA', n, e: 'AQAB', alg: 'RS256', kid: '2011-04-29', use: 'sig' })).toBe(
      'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
    );
  });

  test('is the one of the RFC 8037 example', () => {
    const x = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo';
    expect(thumbprint({ kty: 'OKP', crv: 'Ed25519', x, alg: 'EdDSA', kid: 'k', use: 'sig' })).toBe(
      'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
    );
  });

  test('does not depend on the name of the key, and needs the whole key', () => {
    expect(thumbprint(changed(es256.jwk, { kid: 'other' }))).toBe(thumbprint(es256.jwk));
    expect(() => thumbprint(changed(es256.jwk, { y: undefined }))).toThrow(/^key refused: /);
    expect(() => thumbprint(changed(es256.jwk, { kty: 'oct' }))).toThrow(/^key refused: /);
  });
});
