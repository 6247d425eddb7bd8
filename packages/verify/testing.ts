/** Test support: published test keys, and values signed with them in every right and wrong way. Not part of the package. */
import { Buffer } from 'node:buffer';
import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { type Algorithm, importKeys, type KeySet, type PublicJwk, type TokenClaims } from './src/index.ts';
import published from './test-vectors/keys.json' with { type: 'json' };

export interface TestKey {
  readonly keyId: string;
  readonly algorithm: Algorithm;
  readonly privateKey: KeyObject;
  readonly jwk: PublicJwk;
}

const all = published.keys.map((key): TestKey => {
  const { kty, kid, alg, use, crv, x, y, n, e } = key;
  const members = { kty, kid, alg, use, crv, x, y, n, e };
  const jwk = Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as unknown as PublicJwk; // ours
  return { keyId: kid, algorithm: jwk.alg, privateKey: createPrivateKey({ key, format: 'jwk' }), jwk };
});
export const [es256, otherEs256, eddsa, rs256] = all as [TestKey, TestKey, TestKey, TestKey];
export const oneOfEach = [es256, eddsa, rs256] as const;
export const keySet: KeySet = importKeys({ keys: all.map(({ jwk }) => jwk) });

export const issuer = 'https://astrolabe.example';
export const audience = 'deployment:cm0dep0000000000000000001';
/** When the sample tokens were issued. */
export const issuedAtMs = 1_795_000_000_000;

const identity = {
  iss: issuer,
  sub: 'cm0tok0000000000000000001',
  client_id: 'cm0tok0000000000000000001',
  apiTokenId: 'cm0tok0000000000000000001',
  aud: [audience],
  iat: issuedAtMs / 1000,
  nbf: issuedAtMs / 1000,
  exp: issuedAtMs / 1000 + 30 * 86_400,
  jti: 'AAECAwQFBgcICQoLDA0ODw',
  org_id: 'cm0org0000000000000000001',
  permissions: [
    'apiTokenId:cm0tok0000000000000000001',
    'organizationId:cm0org0000000000000000001',
    'workspaceId:cm0wsp0000000000000000001',
    'deploymentId:cm0dep0000000000000000001',
  ],
};
export const standardClaims = { ...identity, kind: 'STANDARD' } satisfies TokenClaims;
export const directClaims = {
  ...identity,
  kind: 'DIRECT_ACCESS',
  grants: {
    version: 1,
    deployments: { cm0dep0000000000000000001: { permissions: 'AQ', dags: { daily_report: 'Bg' }, dagTags: { sales: 'Ag' } } },
  },
} satisfies TokenClaims;
export const agentClaims = { ...identity, kind: 'AGENT', feed_key: 'PVWWs8cWaf9U1tMXhT4gnzO3SgkmNmKs1y3jY0ZLW0s' } satisfies TokenClaims;

/** What the issuer does. */
export function signValue(typ: string, payload: unknown, key: TestKey = es256): string {
  return signParts(headerText(typ, key), JSON.stringify(payload), key);
}

export function headerText(typ: string, { algorithm, keyId }: Pick<TestKey, 'algorithm' | 'keyId'>): string {
  return JSON.stringify({ typ, prd: 'astrolabe', alg: algorithm, kid: keyId });
}

/** Signs any header over any payload, as they are: text, bytes, or nothing that makes sense. */
export function signParts(header: string | Uint8Array, payload: string | Uint8Array, key: TestKey = es256): string {
  return signSegments(encode(header), encode(payload), key);
}

/** Signs two segments that may not even be base64url. */
export function signSegments(header: string, payload: string, key: TestKey = es256): string {
  const message = Buffer.from(`${header}.${payload}`);
  const digest = key.algorithm === 'EdDSA' ? null : 'sha256';
  const signature = sign(digest, message, { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${header}.${payload}.${signature.toString('base64url')}`;
}

export function encode(content: string | Uint8Array): string {
  return Buffer.from(content as string).toString('base64url'); // one overload for both, as Buffer.from decides at run time
}

/** A small deterministic generator (splitmix32): the same seed gives the same run on every machine. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  const below = (limit: number) => next() % limit;
  return {
    below,
    pick: (items) => items[below(items.length)] as (typeof items)[number], // below its length; an empty list is a mistake
    text: (length, alphabet) => Array.from({ length }, () => alphabet[below(alphabet.length)]).join(''),
    bytes: (length) => Buffer.from(Array.from({ length }, () => below(256))),
  };
}

export interface Random {
  /** A whole number from 0 to `limit - 1`. */
  readonly below: (limit: number) => number;
  readonly pick: <Item>(items: readonly Item[]) => Item;
  readonly text: (length: number, alphabet: string) => string;
  readonly bytes: (length: number) => Buffer;
}
