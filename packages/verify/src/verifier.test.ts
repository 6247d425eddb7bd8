import { describe, expect, test } from 'vitest';
import { agentClaims, audience, directClaims, issuedAtMs, issuer, keySet, signValue, standardClaims } from '../testing.ts';
import { createVerifier, hashJti, type VerifierOptions } from './index.ts';

const options: VerifierOptions = { issuers: [issuer], audiences: [audience], keys: keySet, now: () => issuedAtMs + 1000 };
const standard = signValue('at+jwt', standardClaims);
const direct = signValue('at+jwt', directClaims);

describe('verifier', () => {
  test('a direct access token is good by itself', () => {
    expect(createVerifier(options).verify(direct)).toEqual({
      tokenId: directClaims.sub,
      organizationId: directClaims.org_id,
      kind: 'DIRECT_ACCESS',
      audience: [audience],
      entityIds: { workspaceId: 'cm0wsp0000000000000000001', deploymentId: 'cm0dep0000000000000000001' },
      issuedAt: issuedAtMs,
      expiresAt: directClaims.exp * 1000,
      grants: directClaims.grants,
      jtiHash: hashJti(directClaims.jti),
    });
  });

  test('J-08 a standard token is refused unless the caller supplies live state', () => {
    expect(() => createVerifier(options).verify(standard)).toThrow('token refused: live_state_required');
    const asked: string[] = [];
    const isLive = (jtiHash: string) => asked.push(jtiHash) > 0;
    expect(createVerifier({ ...options, isLive }).verify(standard)).toMatchObject({ tokenId: standardClaims.sub, kind: 'STANDARD' });
    expect(asked).toEqual([hashJti(standardClaims.jti)]);
  });

  test('live state that is given is asked about every kind, and only true is yes', () => {
    for (const answer of [false, undefined, null, 0, 1, 'true', {}, Promise.resolve(true)]) {
      const verifier = createVerifier({ ...options, isLive: () => answer as boolean });
      for (const value of [standard, direct]) expect(() => verifier.verify(value)).toThrow('token refused: not_live');
    }
  });

  test('live state is asked last: about nothing that is refused anyway', () => {
    const isLive = () => expect.unreachable('isLive was asked');
    for (const change of [{ now: () => 0 }, { now: () => 8e15 }, { issuers: ['x'] }, { audiences: ['x'] }, { keys: new Map() }]) {
      expect(() => createVerifier({ ...options, isLive, ...change }).verify(standard)).toThrow(/^token refused: /);
    }
  });

  test('a callback that fails lets nobody in', () => {
    const isLive = () => {
      throw new Error('database gone');
    };
    expect(() => createVerifier({ ...options, isLive }).verify(standard)).toThrow('database gone');
  });

  test('J-06 an agent token is not an access token', () => {
    const verifier = createVerifier({ ...options, isLive: () => true });
    expect(() => verifier.verify(signValue('agent+jwt', agentClaims))).toThrow('token refused: unknown_type');
    expect(() => verifier.verify(signValue('at+jwt', agentClaims))).toThrow('token refused: bad_claims');
  });

  test('the skew is 30 seconds unless said otherwise, and 60 at most', () => {
    const end = directClaims.exp * 1000;
    const at = (nowMs: number, more: Partial<VerifierOptions> = {}) =>
      createVerifier({ ...options, now: () => nowMs, ...more }).verify(direct);
    expect(at(end + 29_999)).toBeDefined();
    expect(() => at(end + 30_000)).toThrow('token refused: expired');
    expect(() => at(end, { maxSkewSeconds: 0 })).toThrow('token refused: expired');
    expect(() => createVerifier({ ...options, maxSkewSeconds: 61 })).toThrow(RangeError);
  });

  test('a verifier that could accept nothing is a mistake', () => {
    expect(() => createVerifier({ ...options, issuers: [] })).toThrow(TypeError);
    expect(() => createVerifier({ ...options, audiences: [] })).toThrow(TypeError);
  });

  test('the principal is frozen and holds no copy of the token', () => {
    const principal = createVerifier(options).verify(direct);
    expect(Object.isFrozen(principal) && Object.isFrozen(principal.entityIds) && Object.isFrozen(principal.grants)).toBe(true);
    const text = JSON.stringify(principal);
    for (const part of [...direct.split('.'), directClaims.jti]) expect(text).not.toContain(part);
  });

  test('an error quotes neither the value nor its claims', () => {
    for (const value of [standard, `${standard}A`, signValue('at+jwt', { ...standardClaims, kind: 'secret-kind' })]) {
      try {
        createVerifier(options).verify(value);
        expect.unreachable();
      } catch (error) {
        const { message, cause } = error as Error;
        expect(message).toMatch(/^token refused: [a-z_]+$/);
        expect(cause).toBeUndefined();
      }
    }
  });
});
