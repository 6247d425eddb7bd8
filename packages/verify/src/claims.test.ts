import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { agentClaims, audience, directClaims, issuedAtMs, issuer, standardClaims } from '../testing.ts';
import { checkClaims, type ExpectedClaims, hashJti, readClaims, type TokenClaims } from './claims.ts';
import type { TokenType } from './format.ts';

const samples = [
  { type: 'at+jwt', claims: standardClaims },
  { type: 'at+jwt', claims: directClaims },
  { type: 'agent+jwt', claims: agentClaims },
] as const;

const without = (claims: object, ...names: string[]) =>
  Object.fromEntries(Object.entries(claims).filter(([name]) => !names.includes(name)));
const expectRefused = (claims: object, type: TokenType = 'at+jwt') =>
  expect(() => readClaims({ ...claims }, type)).toThrow('token refused: bad_claims');

const id = fc.stringMatching(/^c[0-9a-z]{24}$/);
const seconds = fc.integer({ min: 0, max: 253_402_300_799 });
const bitSet = fc.uint8Array({ minLength: 1, maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('base64url'));
const deploymentGrants = fc.record(
  { permissions: bitSet, dags: fc.dictionary(fc.string(), bitSet), dagTags: fc.dictionary(fc.string(), bitSet) },
  { requiredKeys: [] },
);
const grants = fc.record({ version: fc.integer({ min: 1, max: 1000 }), deployments: fc.dictionary(id, deploymentGrants) });

/** Claims as an issuer may write them. */
const validClaims = fc
  .record({
    tokenId: id,
    organizationId: id,
    entities: fc.subarray(['workspaceId', 'deploymentId']),
    entityId: id,
    iss: fc.webUrl(),
    aud: fc.oneof(fc.string({ minLength: 1 }), fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 4 })),
    iat: seconds,
    nbf: seconds,
    exp: seconds,
    jti: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('base64url')),
    kind: fc.constantFrom('STANDARD', 'DIRECT_ACCESS', 'AGENT'),
    grants,
    expires: fc.boolean(),
  })
  .map(({ tokenId, organizationId, entities, entityId, kind, grants, exp, expires, ...rest }) => ({
    ...rest,
    sub: tokenId,
    client_id: tokenId,
    apiTokenId: tokenId,
    org_id: organizationId,
    permissions: [`apiTokenId:${tokenId}`, `organizationId:${organizationId}`, ...entities.map((name) => `${name}:${entityId}`)],
    kind,
    ...((expires || kind === 'DIRECT_ACCESS') && { exp }),
    ...(kind === 'DIRECT_ACCESS' && { grants }),
    ...(kind === 'AGENT' && { feed_key: agentClaims.feed_key }),
  }));
const typeOf = ({ kind }: { kind: string }): TokenType => (kind === 'AGENT' ? 'agent+jwt' : 'at+jwt');

describe('form', () => {
  test.each(samples)('what the issuer writes is read: $claims.kind', ({ type, claims }) => {
    expect(readClaims(claims, type)).toEqual(claims);
  });

  test('any claims that the issuer may write are read as they are, a single audience as a list', () => {
    fc.assert(
      fc.property(validClaims, (claims) => {
        const result = readClaims(claims, typeOf(claims));
        expect(result).toEqual({ ...claims, aud: [claims.aud].flat() });
        expect(Object.isFrozen(result)).toBe(true);
      }),
    );
  });

  test('a claim that we do not know is left out', () => {
    expect(readClaims({ ...standardClaims, later: { any: 1 } }, 'at+jwt')).toEqual(standardClaims);
  });

  test.each(samples)('J-09 every claim of $claims.kind is required', ({ type, claims }) => {
    for (const name of Object.keys(claims)) {
      if (name === 'exp' && claims.kind !== 'DIRECT_ACCESS') expect(readClaims(without(claims, name), type)).toEqual(without(claims, name));
      else expectRefused(without(claims, name), type);
    }
  });

  test.each(samples)('J-08 J-09 no claim of $claims.kind may hold a value of another type', ({ type, claims }) => {
    const wrong = [
      null,
      true,
      false,
      '',
      ' ',
      0.5,
      -1,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      2 ** 53,
      {},
      [],
      [[]],
      [null],
      [''],
      [1],
      { a: 1 },
    ];
    for (const name of Object.keys(claims)) {
      for (const value of wrong) {
        // A lone space is an issuer nobody expects, but well formed.
        if (!(name === 'iss' || name === 'aud') || value !== ' ') expectRefused({ ...claims, [name]: value }, type);
      }
    }
  });

  test('J-08 any JSON in place of a claim is either refused or a value of the right type', () => {
    const names = fc.constantFrom(...Object.keys(directClaims));
    fc.assert(
      fc.property(names, fc.jsonValue(), (name, value) => {
        let claims: TokenClaims;
        try {
          claims = readClaims({ ...directClaims, [name]: value }, 'at+jwt');
        } catch (error) {
          expect(String(error)).toBe('VerificationError: token refused: bad_claims');
          return;
        }
        const instants = [claims.iat, claims.nbf, claims.exp];
        expect(instants.every((instant) => Number.isSafeInteger(instant) && (instant ?? -1) >= 0)).toBe(true);
        const lists = [claims.aud, claims.permissions];
        expect(lists.every((list) => list.length > 0 && list.every((item) => typeof item === 'string' && item !== ''))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  test.each(['iat', 'nbf', 'exp'])('J-08 %s as text, fraction, negative, NaN or past the year 9999 is refused', (name) => {
    for (const value of [
      '1795000000',
      1.5,
      -1,
      Number.NaN,
      Number.NEGATIVE_INFINITY,
      253_402_300_800,
      Number.MAX_SAFE_INTEGER,
      1e300,
      [1],
      null,
    ]) {
      expectRefused({ ...directClaims, [name]: value });
    }
  });

  test('J-08 a direct access token without exp is refused, a standard one is not', () => {
    expectRefused(without(directClaims, 'exp'));
    expect(readClaims(without(standardClaims, 'exp'), 'at+jwt')).not.toHaveProperty('exp');
  });

  test('sub, client_id and apiTokenId name one token, and permissions agree', () => {
    for (const name of ['sub', 'client_id', 'apiTokenId']) expectRefused({ ...standardClaims, [name]: 'cm0tok0000000000000000002' });
    expectRefused({ ...standardClaims, org_id: 'cm0org0000000000000000002' });
    expectRefused({ ...standardClaims, permissions: standardClaims.permissions.slice(1) });
    expectRefused({ ...standardClaims, permissions: [standardClaims.permissions[0]] });
    expectRefused({ ...standardClaims, permissions: [...standardClaims.permissions, 'workspaceId:cm0wsp0000000000000000002'] });
    for (const odd of ['x', ':x', 'x:', 'a:b:c', 'a b:c', 'a:b c']) {
      expectRefused({ ...standardClaims, permissions: [...standardClaims.permissions, odd] });
    }
  });

  test('a jti is 16 bytes in their one spelling', () => {
    for (const jti of [
      '',
      'short',
      `${standardClaims.jti}A`,
      `${standardClaims.jti.slice(0, -1)}x`,
      `${standardClaims.jti.slice(0, -1)}=`,
    ]) {
      expectRefused({ ...standardClaims, jti });
    }
  });

  test('kinds are exact, and grants and feed_key belong to one kind each', () => {
    for (const kind of ['standard', 'STANDARD ', 'ROOT', 'AGENT', 'toString']) expectRefused({ ...standardClaims, kind });
    for (const kind of ['STANDARD', 'DIRECT_ACCESS']) expectRefused({ ...agentClaims, kind }, 'agent+jwt');
    expectRefused({ ...standardClaims, grants: directClaims.grants });
    expectRefused({ ...standardClaims, feed_key: agentClaims.feed_key });
    expectRefused({ ...directClaims, feed_key: agentClaims.feed_key });
    expectRefused({ ...agentClaims, grants: directClaims.grants }, 'agent+jwt');
    expectRefused({ ...agentClaims, feed_key: 'short' }, 'agent+jwt');
  });

  test('grants of another form are refused, and so is a member we do not know: it might be a restriction', () => {
    const { version, deployments } = directClaims.grants;
    const wrong = [
      { version },
      { deployments },
      { version: 0, deployments },
      { version: 1.5, deployments },
      { version: '1', deployments },
      { version, deployments: [] },
      { version, deployments: { a: null } },
      { version, deployments: { a: [] } },
      { version, deployments: { a: { permissions: '' } } },
      { version, deployments: { a: { permissions: 'A=' } } },
      { version, deployments: { a: { permissions: 1 } } },
      { version, deployments: { a: { dags: { x: 'a b' } } } },
      { version, deployments: { a: { dags: [] } } },
      { version, deployments: { a: { dagTags: { x: null } } } },
      { version, deployments: { a: { until: 1 } } },
      { version, deployments, onlyFrom: '10.0.0.0/8' },
    ];
    for (const grants of wrong) expectRefused({ ...directClaims, grants });
  });
});

describe('issuer, audience and time', () => {
  const expected: ExpectedClaims = { issuers: [issuer], audiences: [audience], nowMs: issuedAtMs + 1000, maxSkewSeconds: 30 };
  const check = (claims: Partial<TokenClaims>, change: Partial<ExpectedClaims> = {}) =>
    checkClaims({ ...standardClaims, ...claims }, { ...expected, ...change });

  test('a token for us, now, passes', () => {
    expect(() => check({})).not.toThrow();
  });

  test('J-07 the issuer is compared exactly', () => {
    for (const iss of [`${issuer}/`, issuer.toUpperCase(), ` ${issuer}`, `${issuer}.evil.example`, 'https://astrolabe', `${issuer}#`]) {
      expect(() => check({ iss })).toThrow('wrong_issuer');
    }
    expect(() => check({}, { issuers: [] })).toThrow('wrong_issuer');
  });

  test('J-07 a listed former issuer is accepted', () => {
    expect(() => check({ iss: 'https://before.example' }, { issuers: [issuer, 'https://before.example'] })).not.toThrow();
  });

  test('J-07 a token of Deployment A is refused at Deployment B', () => {
    expect(() => check({}, { audiences: ['deployment:cm0dep0000000000000000002', 'workspace:w', 'organization:o'] })).toThrow(
      'wrong_audience',
    );
    for (const close of [
      `${audience} `,
      audience.toUpperCase(),
      audience.slice(0, -1),
      'deployment:',
      audience.replace('deployment', 'workspace'),
    ]) {
      expect(() => check({}, { audiences: [close] })).toThrow('wrong_audience');
    }
    expect(() => check({}, { audiences: [] })).toThrow('wrong_audience');
  });

  test('J-07 a workspace or organization that we belong to is an audience, and one match is enough', () => {
    const audiences = [audience, 'workspace:w', 'organization:o'];
    for (const aud of [['workspace:w'], ['organization:o'], ['other', 'workspace:w']])
      expect(() => check({ aud }, { audiences })).not.toThrow();
  });

  test('J-07 text and list forms of aud behave alike', () => {
    for (const aud of [audience, 'deployment:other']) {
      const [one, list] = [aud, [aud]].map((form) => readClaims({ ...standardClaims, aud: form }, 'at+jwt'));
      expect(one).toEqual(list);
    }
  });

  test('J-08 exp counts from its second on, with the skew to the millisecond', () => {
    const end = standardClaims.exp * 1000;
    for (const maxSkewSeconds of [0, 30, 60]) {
      const skewMs = maxSkewSeconds * 1000;
      expect(() => check({}, { nowMs: end + skewMs - 1, maxSkewSeconds })).not.toThrow();
      expect(() => check({}, { nowMs: end + skewMs, maxSkewSeconds })).toThrow('expired');
    }
  });

  test.each(['nbf', 'iat'] as const)('J-08 %s counts, with the skew to the millisecond', (name) => {
    const start = standardClaims.iat + 100;
    for (const maxSkewSeconds of [0, 30, 60]) {
      const earliest = (start - maxSkewSeconds) * 1000;
      expect(() => check({ [name]: start }, { nowMs: earliest, maxSkewSeconds })).not.toThrow();
      expect(() => check({ [name]: start }, { nowMs: earliest - 1, maxSkewSeconds })).toThrow('not_yet_valid');
    }
  });

  test('J-08 a token is accepted exactly from its start to its end, skew included', () => {
    const around = fc.integer({ min: -100, max: 100 });
    fc.assert(
      fc.property(
        around,
        around,
        around,
        fc.integer({ min: -200_000, max: 200_000 }),
        fc.integer({ min: 0, max: 60 }),
        (iat, nbf, exp, at, maxSkewSeconds) => {
          const base = standardClaims.iat;
          const nowMs = base * 1000 + at;
          const isIn = nowMs >= (base + Math.max(iat, nbf) - maxSkewSeconds) * 1000 && nowMs < (base + exp + maxSkewSeconds) * 1000;
          const run = () => check({ iat: base + iat, nbf: base + nbf, exp: base + exp }, { nowMs, maxSkewSeconds });
          if (isIn) run();
          else expect(run).toThrow(/expired|not_yet_valid/);
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('without exp nothing expires', () => {
    const { exp: _, ...claims } = standardClaims;
    expect(() => checkClaims(claims, { ...expected, nowMs: 8e15 })).not.toThrow();
  });

  test.each([61, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '30', null])(
    'J-08 a skew of %j is a mistake of the caller',
    (maxSkewSeconds) => {
      expect(() => check({}, { maxSkewSeconds: maxSkewSeconds as number })).toThrow(RangeError);
    },
  );

  test.each([Number.NaN, Number.POSITIVE_INFINITY, undefined, '1795000001000'])('a clock that says %j lets nobody in', (nowMs) => {
    expect(() => check({}, { nowMs: nowMs as number })).toThrow(RangeError);
  });
});

test('a jti is known by the SHA-256 of its text', () => {
  expect(hashJti('AAECAwQFBgcICQoLDA0ODw')).toBe('5d2611d5a4dd2b40b277dfdb5ecf5b49819150d7d5c62f4eef960cb0c24db20c');
});
