import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  agentClaims,
  directClaims,
  encode,
  es256,
  headerText,
  keySet,
  oneOfEach,
  otherEs256,
  signParts,
  signSegments,
  signValue,
  standardClaims,
} from '../testing.ts';
import { importKeys, type SignedType, signedTypes, verifySignedObject, verifySignedToken } from './index.ts';

const payload = JSON.stringify(standardClaims);
const header = headerText('at+jwt', es256);
const verify = (value: string) => verifySignedToken(value, keySet, 'at+jwt');
const refusedAs = (code: string) => expect.objectContaining({ name: 'VerificationError', code, message: `token refused: ${code}` });
const expectRefused = (value: string, code: string) => expect(() => verify(value)).toThrow(refusedAs(code));

describe.each(oneOfEach)('$algorithm', (key) => {
  test('a value of the issuer opens', () => {
    const token = verify(signValue('at+jwt', standardClaims, key));
    expect(token).toEqual({ keyId: key.keyId, claims: standardClaims, jtiHash: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  test('F-02 changing any single character is refused', () => {
    const value = signValue('at+jwt', directClaims, key);
    for (let at = 0; at < value.length; at++) {
      const other = value[at] === 'A' ? 'B' : 'A';
      expect(() => verify(value.slice(0, at) + other + value.slice(at + 1)), `character ${at}`).toThrow(/^token refused/);
    }
  });

  test('a signature by another key is refused', () => {
    const foreign = { ...otherEs256, keyId: es256.keyId };
    expectRefused(signParts(headerText('at+jwt', es256), payload, foreign), 'bad_signature');
  });

  test('a signature over another payload is refused', () => {
    const [head, , signature] = signValue('at+jwt', standardClaims, key).split('.');
    expectRefused(
      `${head}.${encode(JSON.stringify({ ...standardClaims, sub: 'cm0tok0000000000000000002' }))}.${signature}`,
      'bad_signature',
    );
  });

  test('a signature that is shorter, longer or absent is refused', () => {
    const [head, body, signature = ''] = signValue('at+jwt', standardClaims, key).split('.');
    const bytes = Buffer.from(signature, 'base64url');
    for (const wrong of [bytes.subarray(1), bytes.subarray(0, -1), Buffer.concat([bytes, Buffer.alloc(1)]), Buffer.alloc(1)]) {
      expectRefused(`${head}.${body}.${encode(wrong)}`, 'bad_signature');
    }
    expectRefused(`${head}.${body}.`, 'bad_signature');
    expectRefused(`${head}.${body}`, 'malformed');
  });
});

describe('algorithm', () => {
  test.each(['none', 'None', 'NONE', 'nOnE', 'HS256', 'HS512', 'ES384', 'ES512', 'ES256K', 'PS256', 'RS512', 'es256', 'Ed25519', 'Ed448'])(
    'J-01 %s is refused',
    (alg) => {
      const head = encode(JSON.stringify({ typ: 'at+jwt', prd: 'astrolabe', alg, kid: es256.keyId }));
      expectRefused(signSegments(head, encode(payload)), 'wrong_algorithm');
      expectRefused(`${head}.${encode(payload)}.`, 'wrong_algorithm');
    },
  );

  test('J-01 an algorithm that is empty, absent or no string is refused', () => {
    for (const alg of ['', undefined, null, 0, ['ES256'], { toString: 'ES256' }]) {
      const head = JSON.stringify({ typ: 'at+jwt', prd: 'astrolabe', alg, kid: es256.keyId });
      expect(() => verify(signParts(head, payload))).toThrow(/^token refused/);
    }
  });

  test('J-02 a MAC with the public key as its secret is refused, whatever form of the key it used', () => {
    for (const { jwk, keyId } of oneOfEach) {
      const key = keySet.get(keyId)?.key;
      const secrets = [
        key?.export({ format: 'pem', type: 'spki' }),
        key?.export({ format: 'der', type: 'spki' }),
        JSON.stringify(jwk),
        Buffer.from(jwk.x ?? jwk.n ?? '', 'base64url'),
      ];
      for (const secret of secrets) {
        for (const alg of ['HS256', jwk.alg]) {
          const input = `${encode(JSON.stringify({ typ: 'at+jwt', prd: 'astrolabe', alg, kid: keyId }))}.${encode(payload)}`;
          const mac = createHmac('sha256', secret ?? '')
            .update(input)
            .digest('base64url');
          expectRefused(`${input}.${mac}`, alg === 'HS256' ? 'wrong_algorithm' : 'bad_signature');
        }
      }
    }
  });

  test('J-03 a key under another algorithm than its own is refused', () => {
    for (const key of oneOfEach) {
      for (const other of oneOfEach.filter(({ algorithm }) => algorithm !== key.algorithm)) {
        const head = headerText('at+jwt', { algorithm: other.algorithm, keyId: key.keyId });
        expectRefused(signParts(head, payload, key), 'wrong_algorithm');
        expectRefused(signParts(head, payload, other), 'wrong_algorithm');
      }
    }
  });
});

describe('header', () => {
  test.each([
    { jwk: otherEs256.jwk },
    { jku: 'http://127.0.0.1:1/jwks.json' },
    { x5u: 'http://127.0.0.1:1/cert.pem' },
    { x5c: ['MIIB'] },
    { 'x5t#S256': 'AAAA' },
    { crit: ['exp'] },
    { crit: [] },
    { b64: false, crit: ['b64'] },
    { zip: 'DEF' },
    { enc: 'A256GCM' },
    { cty: 'JWT' },
    { nonce: 'x' },
  ])('J-04 J-10 J-12 the further member %j is refused, although signed', (more) => {
    for (const head of [
      { ...JSON.parse(header), ...more },
      { ...more, ...JSON.parse(header) },
    ]) {
      expect(() => verify(signParts(JSON.stringify(head), payload))).toThrow(/^token refused: (malformed|unknown_type)/);
    }
  });

  test('J-12 an encrypted token is refused', () => {
    const head = encode(JSON.stringify({ typ: 'at+jwt', prd: 'astrolabe', alg: 'ECDH-ES', enc: 'A256GCM', kid: es256.keyId }));
    expectRefused(`${head}..${encode('iv')}.${encode('text')}.${encode('tag')}`, 'malformed');
    expectRefused(`${encode('{"alg":"dir","enc":"A256GCM"}')}..aXY.dGV4dA.dGFn`, 'malformed');
  });

  test.each([
    ['another order', '{"prd":"astrolabe","typ":"at+jwt","alg":"ES256","kid":"test-es256"}'],
    ['a space', '{"typ":"at+jwt", "prd":"astrolabe","alg":"ES256","kid":"test-es256"}'],
    ['a space at the end', `${header} `],
    ['a line feed at the end', `${header}\n`],
    ['an escape', '{"typ":"at+jwt","prd":"astrolabe","alg":"ES256","kid":"test\\u002des256"}'],
    ['an escaped name', '{"typ":"at+jwt","prd":"astrolabe","alg":"ES256","\\u006bid":"test-es256"}'],
    ['a duplicate', '{"typ":"at+jwt","prd":"astrolabe","alg":"none","alg":"ES256","kid":"test-es256"}'],
    ['a duplicate kid', '{"typ":"at+jwt","prd":"astrolabe","alg":"ES256","kid":"test-es256","kid":"test-es256"}'],
    ['__proto__', '{"typ":"at+jwt","prd":"astrolabe","alg":"ES256","kid":"test-es256","__proto__":{}}'],
    ['no kid', '{"typ":"at+jwt","prd":"astrolabe","alg":"ES256"}'],
    ['another product', '{"typ":"at+jwt","prd":"astrolabf","alg":"ES256","kid":"test-es256"}'],
    ['no JSON', 'hello'],
    ['a list', `[${header}]`],
    ['two objects', header + header],
    ['a byte order mark', `\ufeff${header}`],
    ['a NUL', `${header}\0`],
  ])('J-10 a signed header with %s is refused', (_, head) => {
    expect(() => verify(signParts(head, payload))).toThrow(/^token refused: (malformed|unknown_type)/);
  });

  test('J-10 a header that is not UTF-8 is refused', () => {
    expectRefused(
      signParts(Buffer.concat([Buffer.from(header.slice(0, -3)), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]), payload),
      'malformed',
    );
  });

  test.each([
    '../../etc/passwd',
    "' or 1=1 --",
    'a/b',
    'a%2fb',
    'test-es256\u0000',
    'x'.repeat(10_000),
    '',
    '__proto__',
    'http://127.0.0.1:1/',
  ])('J-05 kid %j is refused', (keyId) => {
    expect(() => verify(signParts(headerText('at+jwt', { algorithm: 'ES256', keyId }), payload))).toThrow(/^token refused/);
  });

  test('J-05 an unknown kid is refused, also when the key is one we hold under another name', () => {
    expectRefused(signParts(headerText('at+jwt', { algorithm: 'ES256', keyId: 'unknown' }), payload), 'unknown_key');
    expect(() => verifySignedToken(signValue('at+jwt', standardClaims), importKeys({ keys: [] }), 'at+jwt')).toThrow(
      refusedAs('unknown_key'),
    );
  });
});

describe('type', () => {
  const samples = { 'at+jwt': standardClaims, 'agent+jwt': agentClaims, 'feed+jwt': { any: 1 }, 'heartbeat+jwt': { any: 1 } };
  const types = Object.values(signedTypes);
  const open = (value: string, type: SignedType) =>
    type === 'at+jwt' || type === 'agent+jwt' ? verifySignedToken(value, keySet, type) : verifySignedObject(value, keySet, type, 4096);

  test.each(types.flatMap((made) => types.map((asked) => ({ made, asked }))))('J-06 $made asked for as $asked', ({ made, asked }) => {
    const value = signValue(made, samples[made]);
    if (made === asked) expect(open(value, asked).keyId).toBe(es256.keyId);
    else expect(() => open(value, asked)).toThrow(refusedAs('unknown_type'));
  });

  test.each(['JWT', 'jwt', 'AT+JWT', 'application/at+jwt', 'at+jwt ', 'audit-checkpoint+jwt', ''])('J-06 typ %j is refused', (typ) => {
    for (const type of types) expect(() => open(signValue(typ, samples[type]), type)).toThrow(/^token refused/);
  });

  test('J-06 the claims of one token type under the typ of the other are refused', () => {
    expectRefused(signValue('at+jwt', agentClaims), 'bad_claims');
    for (const claims of [standardClaims, directClaims]) {
      expect(() => verifySignedToken(signValue('agent+jwt', claims), keySet, 'agent+jwt')).toThrow(refusedAs('bad_claims'));
    }
  });
});

describe('shape', () => {
  const value = signValue('at+jwt', standardClaims);
  const [head = '', body = '', signature = ''] = value.split('.');

  test('F-02 what does not begin like ours is refused before a key is asked for', () => {
    const untouchable = new Proxy(keySet, { get: () => expect.unreachable('the key set was read') });
    for (const foreign of ['', 'x', 'Bearer abc', `x${value}`, ` ${value}`, 'eyJhbGciOiJFUzI1NiJ9.e30.AAAA', head.slice(1)]) {
      expect(() => verifySignedToken(foreign, untouchable, 'at+jwt')).toThrow(/^token refused: (malformed|unknown_type)/);
    }
  });

  test('F-04 4096 bytes are accepted, one more is refused', () => {
    const ofLength = (length: number) => {
      const fill = (n: number) => signValue('at+jwt', { ...standardClaims, iss: 'x'.repeat(n) });
      for (let n = Math.floor((length * 3) / 4) - 800; ; n++) if (fill(n).length >= length) return fill(n);
    };
    expect(verify(ofLength(4096))).toBeDefined();
    expectRefused(ofLength(4097), 'too_large');
    expectRefused('x'.repeat(1_000_000), 'too_large');
  });

  test('J-10 all 15 other spellings of the last character are refused', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const bytes = Buffer.from(signature, 'base64url');
    const alike = [...alphabet].filter((last) => Buffer.from(signature.slice(0, -1) + last, 'base64url').equals(bytes));
    expect(alike).toHaveLength(16);
    const accepted = alike.filter((last) => {
      try {
        return verify(value.slice(0, -1) + last);
      } catch {
        return false;
      }
    });
    expect(accepted).toEqual([value.at(-1)]);
  });

  test.each([
    ['padding', `${head}.${body}.${signature}==`],
    ['padding of the payload', `${head}.${body}=.${signature}`],
    ['a space before', ` ${value}`],
    ['a space after', `${value} `],
    ['a line feed after', `${value}\n`],
    ['a line feed inside', `${head}.${body.slice(0, 9)}\n${body.slice(9)}.${signature}`],
    ['a NUL', `${value}\0`],
    ['a letter beyond ASCII', `${value}é`],
    ['a fourth segment', `${value}.AAAA`],
    ['a dot at the end', `${value}.`],
    ['an empty payload', `${head}..${signature}`],
    ['no payload', head],
    ['Bearer', `Bearer ${value}`],
    ['a quote around it', `"${value}"`],
  ])('J-10 %s is refused', (_, wrong) => {
    expect(() => verify(wrong)).toThrow(/^token refused/);
  });

  test('J-10 the other base64 alphabet is refused, although signed', () => {
    const text = JSON.stringify({ ...standardClaims, iss: 'https://ä.example/ÿ?>>' });
    const base64 = Buffer.from(text).toString('base64').replace(/=+$/, '');
    expect(base64).toMatch(/[+/]/);
    expect(verify(signSegments(encode(header), encode(text)))).toBeDefined();
    expectRefused(signSegments(encode(header), base64), 'malformed');
  });

  test('what is no string is refused', () => {
    for (const wrong of [undefined, null, 1, {}, [value], Buffer.from(value)]) {
      expect(() => verify(wrong as unknown as string)).toThrow(refusedAs('malformed'));
    }
  });

  test('nothing is said about claims nobody signed', () => {
    expectRefused(`${head}.${encode('{}')}.${signature}`, 'bad_signature');
    expectRefused(`${head}.${encode('not JSON')}.${signature}`, 'bad_signature');
  });
});
