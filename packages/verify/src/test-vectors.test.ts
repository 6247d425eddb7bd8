/** The published samples, in our verifier and in a second one: `jose`, with the profile of design section 4 in a few lines on top. */
import { createLocalJWKSet, type JWTPayload, jwtVerify } from 'jose';
import { describe, expect, test } from 'vitest';
import invalid from '../test-vectors/invalid.json' with { type: 'json' };
import jwks from '../test-vectors/jwks.json' with { type: 'json' };
import valid from '../test-vectors/valid.json' with { type: 'json' };
import { checkClaims, importKeys, type PublicJwk, type SignedType, signedTypes, verifySignedObject, verifySignedToken } from './index.ts';

const { expected } = valid;
const keys = importKeys(jwks as { keys: PublicJwk[] });
const joseKeys = createLocalJWKSet(jwks);

function ours(value: string, type: SignedType) {
  if (type === 'feed+jwt' || type === 'heartbeat+jwt') return verifySignedObject(value, keys, type, 65_536);
  const token = verifySignedToken(value, keys, type);
  checkClaims(token.claims, expected);
  return token;
}

async function joseAccepts(value: string, type: SignedType): Promise<boolean> {
  const isToken = type === signedTypes.accessToken || type === signedTypes.agentToken;
  const claims = {
    issuer: expected.issuers,
    audience: expected.audiences,
    clockTolerance: expected.maxSkewSeconds,
    requiredClaims: ['iss', 'sub', 'aud', 'iat', 'nbf', 'jti', 'client_id'],
  };
  try {
    const { protectedHeader, payload } = await jwtVerify(value, joseKeys, {
      typ: type,
      algorithms: ['ES256', 'EdDSA', 'RS256'],
      currentDate: new Date(expected.nowMs),
      ...(isToken && claims),
    });
    const members = Object.keys(protectedHeader).sort().join();
    return (
      members === 'alg,kid,prd,typ' &&
      protectedHeader.prd === 'astrolabe' &&
      value.length <= 4096 &&
      (!isToken || fitsProfile(payload, type))
    );
  } catch {
    return false;
  }
}

function fitsProfile(claims: JWTPayload, type: SignedType): boolean {
  const { sub, iat = 0, nbf = 0, exp, jti = '', kind, grants, permissions, aud = [] } = claims;
  const seconds = [iat, nbf, exp ?? 0];
  return (
    seconds.every((each) => Number.isInteger(each) && each >= 0 && each <= 253_402_300_799) &&
    iat <= expected.nowMs / 1000 + expected.maxSkewSeconds &&
    /^[\w-]{22}$/.test(jti) &&
    (type === 'agent+jwt' ? kind === 'AGENT' : kind === 'STANDARD' || (kind === 'DIRECT_ACCESS' && exp !== undefined)) &&
    (grants === undefined || (kind === 'DIRECT_ACCESS' && Object.keys(Object(grants)).join() === 'version,deployments')) &&
    claims.client_id === sub &&
    claims.apiTokenId === sub &&
    typeof claims.org_id === 'string' &&
    Array.isArray(permissions) &&
    aud.length > 0
  );
}

describe('valid', () => {
  test.each(valid.vectors)('J-13 $name', async ({ type, value, payload, jtiHash }) => {
    const result = ours(value, type as SignedType);
    if ('claims' in result) {
      expect({ ...payload, aud: [payload.aud].flat() }).toMatchObject(result.claims);
      expect(result.jtiHash).toBe(jtiHash);
    } else {
      expect(result.payload).toEqual(payload);
    }
    expect(await joseAccepts(value, type as SignedType)).toBe(true);
  });
});

describe('invalid', () => {
  test.each(invalid.vectors)('J-13 $covers $name', async ({ type, value, code, strictOnly }) => {
    expect(() => ours(value, type as SignedType)).toThrow(`token refused: ${code}`);
    expect(await joseAccepts(value, type as SignedType)).toBe(strictOnly === true);
  });

  test('J-13 no name twice', () => {
    const names = [...valid.vectors, ...invalid.vectors].map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});
