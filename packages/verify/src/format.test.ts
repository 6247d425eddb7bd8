import { Buffer } from 'node:buffer';
import { hash, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { agentClaims, createRandom, directClaims, es256, oneOfEach, rs256, signParts, signValue, standardClaims } from '../testing.ts';
import { detectionPattern, prefixes, signedTypes } from './format.ts';

const seed = 20_261_101;
const random = createRandom(seed);
const count = 10_000;
const base62 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const match = (text: string) => detectionPattern.exec(text)?.[0];

/** What the issuer may make: every kind, every algorithm, every length of its parts. */
function issue(): string {
  const claims = random.pick([standardClaims, directClaims, agentClaims]);
  const jti = random.bytes(16).toString('base64url');
  const iss = `https://${random.text(1 + random.below(60), 'abcdefghijklmnopqrstuvwxyz')}`;
  const key = random.below(50) === 0 ? rs256 : random.pick(oneOfEach.filter((each) => each !== rs256)); // RSA signs slowly
  return signValue(claims.kind === 'AGENT' ? 'agent+jwt' : 'at+jwt', { ...claims, jti, iss }, key);
}

describe(`detection pattern, seed ${seed}`, () => {
  test('F-03 matches every issued value, all of it, wherever it stands', () => {
    for (let n = 0; n < count; n++) {
      const value = issue();
      const found = match(
        random.pick([value, `Authorization: Bearer ${value}\r\n`, `export ASTRO_API_TOKEN=${value};`, `{"token":"${value}"}`]),
      );
      if (found !== value) expect(found).toBe(value); // asserting each costs more than the rest
    }
  });

  test.each<[string, () => string]>([
    ['base62', () => random.text(20 + random.below(400), base62)],
    ['base64url', () => random.bytes(20 + random.below(400)).toString('base64url')],
    ['three segments of base64url', () => [30, 200, 64].map((length) => random.bytes(length).toString('base64url')).join('.')],
    ['hex', () => random.bytes(20 + random.below(200)).toString('hex')],
    ['UUID', () => randomUUID()],
    ['SHA-256', () => hash('sha256', random.bytes(16), random.pick(['hex', 'base64url', 'base64']))],
    ['foreign JWT', () => foreignJwt()],
  ])('F-03 matches none of 10,000 of: %s', (_, make) => {
    for (let n = 0; n < count; n++) {
      const text = make();
      if (detectionPattern.test(text)) expect.unreachable(`matches ${text}`);
    }
  });

  test('F-03 matches no signed object of the feed, and no part of a value', () => {
    expect(match(signValue('feed+jwt', { entries: ['x'.repeat(200)] }))).toBeUndefined();
    expect(match(signValue('heartbeat+jwt', { chain: 'x'.repeat(200) }))).toBeUndefined();
    const [head = '', body = '', signature = ''] = signValue('at+jwt', standardClaims).split('.');
    for (const part of [head, `${head}.`, `${head}.${body}`, `${body}.${signature}`, `${head}.${body}.${signature.slice(0, 40)}`])
      expect(match(part)).toBeUndefined();
  });

  test('is RE2 syntax without state', () => {
    expect(detectionPattern.flags).toBe('');
    expect(detectionPattern.source).not.toMatch(/\(\?[=!<]|\\[1-9]/);
    expect(detectionPattern.source).not.toMatch(/\{(\d+,)?\d{4}/); // RE2 repeats a thousand times at most
  });

  test('is published: a change is a change of contract', () => {
    expect(detectionPattern.source).toMatchInlineSnapshot(
      `"(?:eyJ0eXAiOiJhdCtqd3QiLCJwcmQiOiJhc3Ryb2xhYmUiLCJhbGciOi|eyJ0eXAiOiJhZ2VudCtqd3QiLCJwcmQiOiJhc3Ryb2xhYmUiLCJhbGciOi)[A-Za-z0-9_-]{12,}\\.eyJ[A-Za-z0-9_-]{100,}\\.[A-Za-z0-9_-]{86,}"`,
    );
  });
});

describe('prefix', () => {
  test('F-02 is what every value of the type begins with, and no other type does', () => {
    for (const type of Object.values(signedTypes)) {
      for (const key of oneOfEach) {
        const value = signParts(JSON.stringify({ typ: type, prd: 'astrolabe', alg: key.algorithm, kid: key.keyId }), '{}', key);
        expect(Object.entries(prefixes).filter(([, prefix]) => value.startsWith(prefix))).toEqual([[type, prefixes[type]]]);
      }
    }
  });

  test('holds type and product in full', () => {
    for (const [type, prefix] of Object.entries(prefixes)) {
      expect(Buffer.from(prefix, 'base64url').toString()).toBe(
        `{"typ":"${type}","prd":"astrolabe","alg":"`.slice(0, Math.floor((prefix.length * 3) / 4)),
      );
      expect(Buffer.from(prefix, 'base64url').toString()).toContain(`"typ":"${type}","prd":"astrolabe"`);
    }
  });
});

function foreignJwt(): string {
  const header = random.pick([
    { alg: 'ES256', typ: 'JWT' },
    { typ: 'JWT', alg: 'RS256', kid: random.text(12, base62) },
    { typ: 'at+jwt', alg: 'ES256', kid: random.text(12, base62) },
    { typ: 'at+jwt', prd: random.text(9, 'abcdefghijklmnopqrstuvwxyz'), alg: 'ES256', kid: random.text(12, base62) },
    { alg: 'EdDSA', prd: 'astrolabe', typ: 'at+jwt', kid: es256.keyId },
  ]);
  const payload = { sub: random.text(20, base62), iat: random.below(2 ** 31), aud: random.text(40, base62) };
  return [JSON.stringify(header), JSON.stringify(payload), random.bytes(64)]
    .map((part) => Buffer.from(part as string).toString('base64url'))
    .join('.');
}
