import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer, testEpoch } from '../testing.ts';
import { findPrincipal } from './principal.ts';
import { rotateToken } from './rotate.ts';

let server: TestServer;
let owner: string;
beforeEach(async () => {
  server = await startTestServer();
  owner = server.ownerToken;
});
afterEach(() => server.close());

const dayMs = 24 * 60 * 60 * 1000;
const instant = (at: number): string => new Date(at).toISOString();

const rotate = (id: string, body?: object, by = owner) => server.call(by, 'POST', `/tokens/${id}/rotate`, body);
const works = async (value: string): Promise<boolean> => (await server.call(value, 'GET', '/tokens?limit=0')).status === 200;

describe('rotation', () => {
  test('R-05 F-06 a new value for the same token; the old one is dead at once', async () => {
    const { token: old, ...before } = await server.makeToken({ role: 'DEPLOYMENT_ADMIN', days: 30 });
    server.advance(dayMs);
    const rotated = await rotate(before.id);
    expect([rotated.status, rotated.headers['cache-control']]).toEqual([200, 'no-store']);
    const { token, shortToken, previousEndsAt, updatedBy, ...after } = rotated.body;
    expect(token).not.toBe(old);
    expect(shortToken).not.toBe(before.shortToken);
    expect(previousEndsAt).toBe(instant(testEpoch + dayMs));
    expect(updatedBy).toMatchObject({ subjectType: 'SERVICEKEY', apiTokenName: 'owner of the test' });
    const { shortToken: _s, updatedBy: _u, ...same } = before;
    expect(after).toEqual({
      ...same,
      endAt: instant(testEpoch + 31 * dayMs),
      lastRotatedAt: instant(testEpoch + dayMs),
      updatedAt: instant(testEpoch + dayMs),
    });
    expect([await works(old), await works(token)]).toEqual([false, true]);
  });

  test('the body may be absent, empty, or empty and called JSON; unknown fields are refused', async () => {
    const { id } = await server.makeToken({ role: 'DEPLOYMENT_ADMIN' });
    const url = `/v1/organizations/${server.organizationId}/tokens/${id}/rotate`;
    const authorization = `Bearer ${owner}`;
    expect((await server.app.inject({ method: 'POST', url, headers: { authorization } })).statusCode).toBe(200);
    const headers = { authorization, 'content-type': 'application/json' };
    expect((await server.app.inject({ method: 'POST', url, headers, payload: '' })).statusCode).toBe(200);
    expect((await rotate(id, {})).status).toBe(200);
    expect((await rotate(id, { endAt: '2030-01-01T00:00:00Z' })).status).toBe(400);
    for (const overlapSeconds of [-1, 1.5, 604_801, '5', null]) expect((await rotate(id, { overlapSeconds })).status).toBe(400);
  });

  test('R-04 in the overlap both values work, after it only the new one', async () => {
    const { id, token: old } = await server.makeToken({ role: 'DEPLOYMENT_ADMIN' });
    const { token, previousEndsAt } = (await rotate(id, { overlapSeconds: 60 })).body;
    expect(previousEndsAt).toBe(instant(testEpoch + 60_000));
    server.advance(59_999);
    expect([await works(old), await works(token)]).toEqual([true, true]);
    server.advance(1);
    expect([await works(old), await works(token)]).toEqual([false, true]);
  });

  test('R-04 the overlap never exceeds the end that the old value had', async () => {
    const { id, token: old } = await server.makeToken({ role: 'DEPLOYMENT_ADMIN', days: 1 });
    server.advance(dayMs - 30_000);
    expect((await rotate(id, { overlapSeconds: 3600 })).body.previousEndsAt).toBe(instant(testEpoch + dayMs));
    server.advance(30_000);
    expect(await works(old)).toBe(false);
  });

  test('a second rotation during an overlap ends the oldest value at once', async () => {
    const { id, token: first } = await server.makeToken({ role: 'DEPLOYMENT_ADMIN' });
    const second = (await rotate(id, { overlapSeconds: 3600 })).body.token;
    const third = (await rotate(id, { overlapSeconds: 3600 })).body.token;
    expect(await Promise.all([first, second, third].map(works))).toEqual([false, true, true]);
    server.advance(3600_000);
    expect(await Promise.all([first, second, third].map(works))).toEqual([false, false, true]);
  });

  test('R-08 of simultaneous rotations exactly one wins, the rest get 409', async () => {
    const { id, token: old } = await server.makeToken({ role: 'DEPLOYMENT_ADMIN' });
    const caller = server.system;
    const target = { organizationId: server.organizationId, tokenId: id };
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, () => rotateToken(server.deps, caller, target, { overlapSeconds: 0 })),
    );
    const winners = results.filter((result) => result.status === 'fulfilled');
    expect(winners).toHaveLength(1);
    const losers = results.filter((result) => result.status === 'rejected').map((result) => result.reason.code);
    expect(losers).toEqual(Array.from({ length: 7 }, () => 'rotation_conflict'));
    expect([await works(old), await works(winners[0]?.value.token ?? '')]).toEqual([false, true]);
    expect((await rotate(id)).status).toBe(200); // later is not simultaneous
  });

  test('R-12 an expired token is rotated by somebody else only, and its period starts anew', async () => {
    const expired = await server.makeToken({ role: 'WORKSPACE_OWNER', days: 1 });
    server.advance(5 * dayMs);
    expect((await rotate(expired.id, undefined, expired.token)).status).toBe(401);
    const rotated = await rotate(expired.id);
    expect([rotated.status, rotated.body.endAt]).toEqual([200, instant(testEpoch + 6 * dayMs)]);
    expect(rotated.body).not.toHaveProperty('previousEndsAt');
    expect([await works(expired.token), await works(rotated.body.token)]).toEqual([false, true]);
  });

  test('R-12 a deleted token is rotated by nobody', async () => {
    const { id } = await server.makeToken({ role: 'DEPLOYMENT_ADMIN' });
    await server.call(owner, 'DELETE', `/tokens/${id}`);
    expect((await rotate(id)).body.code).toBe('token_not_found');
  });

  test('a token that rotates itself gets a value with the same end, again and again', async () => {
    const own = await server.makeToken({ role: 'WORKSPACE_OWNER', days: 10 });
    let value = own.token;
    for (let i = 0; i < 3; i++) {
      server.advance(dayMs);
      const rotated = await rotate(own.id, undefined, value);
      expect([rotated.status, rotated.body.endAt]).toEqual([200, own.endAt]);
      value = rotated.body.token;
    }
    server.advance(7 * dayMs);
    expect(await works(value)).toBe(false);
  });

  test('A-03 a value that was replaced, and lives on in an overlap, does not rotate itself past its own end', async () => {
    const { id, token: old, endAt } = await server.makeToken({ role: 'WORKSPACE_OWNER', days: 10 });
    server.advance(9 * dayMs);
    expect((await rotate(id, { overlapSeconds: 604_800 })).body.endAt).toBe(instant(testEpoch + 19 * dayMs));
    const rotated = await rotate(id, undefined, old);
    expect([rotated.status, rotated.body.endAt]).toEqual([200, endAt]);
    server.advance(dayMs);
    expect(await works(rotated.body.token)).toBe(false);
  });

  test('whoever was rotated away a moment ago does not act any more', async () => {
    const { id, token } = await server.makeToken({ role: 'WORKSPACE_OWNER' });
    const { deps } = server;
    const { jtiHash } = await deps.read.selectFrom('tokenValue').select('jtiHash').where('tokenId', '=', id).executeTakeFirstOrThrow();
    const caller = await findPrincipal(deps.read, jtiHash, { requestId: '', address: '' }, deps.now());
    if (!caller) throw new Error('a new token signs in');
    await rotate(id);
    const target = { organizationId: server.organizationId, tokenId: id };
    await expect(rotateToken(deps, caller, target, { overlapSeconds: 0 })).rejects.toMatchObject({ code: 'invalid_token' });
    expect(await works(token)).toBe(false);
  });
});

describe('an assigned token is changed only where it lives', () => {
  test('409 names its home to somebody who holds the right where it is assigned', async () => {
    const assigned = await server.makeToken({ role: 'ORGANIZATION_MEMBER' });
    await server.assign(assigned, [{ entityType: 'DEPLOYMENT', entityId: server.deploymentId, role: 'DEPLOYMENT_ACCESSOR' }]);
    const manager = await server.makeToken({ role: 'WORKSPACE_OWNER' });
    const path = `/tokens/${assigned.id}`;
    expect((await server.call(manager.token, 'GET', path)).body.roles).toEqual([
      { entityType: 'DEPLOYMENT', entityId: server.deploymentId, role: 'DEPLOYMENT_ACCESSOR' },
    ]);
    const answers = [
      await rotate(assigned.id, undefined, manager.token),
      await server.call(manager.token, 'POST', path, { name: 'mine' }),
      await server.call(manager.token, 'DELETE', path),
    ];
    expect(answers.map((answer) => [answer.status, answer.body.code])).toEqual(answers.map(() => [409, 'not_home_scope']));
    expect(answers[0]?.body.message).toContain(`organization ${server.organizationId}`);
    const viewer = await server.makeToken({ role: 'DEPLOYMENT_ADMIN' });
    expect((await rotate(assigned.id, undefined, viewer.token)).body.code).toBe('permission_denied');
  });
});
