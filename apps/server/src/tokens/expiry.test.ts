import { expand } from '@astrolabe/policy';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Deps, Principal } from '../deps.ts';
import { startTestServer, type TestServer, testEpoch } from '../testing.ts';
import { createToken } from './create.ts';
import { findPrincipal } from './principal.ts';
import { rotateToken } from './rotate.ts';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.close());

const dayMs = 24 * 60 * 60 * 1000;
const instant = (at: number): string => new Date(at).toISOString();

/** No built-in role lets a token with Deployment-level rights make tokens; a custom one will. It acts as `id`. */
async function deploymentManager(id: string): Promise<{ deps: Deps; caller: Principal }> {
  const { deps, deploymentId } = server;
  const value = await deps.read.selectFrom('tokenValue').select('jtiHash').where('tokenId', '=', id).executeTakeFirstOrThrow();
  const found = await findPrincipal(deps.read, value.jtiHash, { requestId: '', address: '' }, deps.now());
  if (!found) throw new Error('a new token signs in');
  const permissions = expand(['deployment.get', 'deployment.apiTokens.get', 'deployment.apiTokens.create', 'deployment.apiTokens.rotate']);
  const caller: Principal = { ...found, grants: [{ entityType: 'DEPLOYMENT', entityId: deploymentId, permissions }] };
  return { caller, deps: { ...deps, write: (_caller, change) => deps.write(server.system, (tx) => change(tx, caller)) } };
}

function newToken(days?: number) {
  const { deploymentId } = server;
  return {
    name: `made ${days}`,
    description: '',
    scope: 'DEPLOYMENT',
    role: 'DEPLOYMENT_ACCESSOR',
    entityId: deploymentId,
    kind: 'STANDARD',
    ...(days === undefined ? {} : { tokenExpiryPeriodInDays: days }),
  } as const;
}

describe('what a token with Deployment-level rights makes never ends after itself', () => {
  test('A-03 a new token inherits the end when no period is asked for, and more is refused', async () => {
    const { id } = await server.makeToken({ role: 'DEPLOYMENT_ADMIN', days: 10 });
    const { deps, caller } = await deploymentManager(id);
    const create = (days?: number) => createToken(deps, caller, server.organizationId, newToken(days));
    expect(await create()).toMatchObject({ endAt: instant(testEpoch + 10 * dayMs) });
    expect(await create().catch((error) => error.code)).toBe('name_taken');
    expect((await create(9)).endAt).toBe(instant(testEpoch + 9 * dayMs));
    await expect(create(11)).rejects.toMatchObject({ code: 'invalid_request', fieldErrors: [{ code: 'ends_after_creator' }] });
    const free = await server.makeToken({ role: 'DEPLOYMENT_ADMIN' });
    const unlimited = await deploymentManager(free.id);
    expect(await createToken(unlimited.deps, unlimited.caller, server.organizationId, newToken(3650))).toHaveProperty('endAt');
  });

  test('A-03 nor does a value that it makes for another token', async () => {
    const { id } = await server.makeToken({ role: 'DEPLOYMENT_ADMIN', days: 10 });
    const { deps, caller } = await deploymentManager(id);
    const target = await server.makeToken({ role: 'DEPLOYMENT_ACCESSOR', days: 300 });
    const rotated = await rotateToken(deps, caller, { organizationId: server.organizationId, tokenId: target.id }, { overlapSeconds: 0 });
    expect(rotated.endAt).toBe(instant(testEpoch + 10 * dayMs));
  });

  test('R-04 a token with an inherited end never becomes a permanent one', async () => {
    const { id } = await server.makeToken({ role: 'DEPLOYMENT_ADMIN', days: 10 });
    const { deps, caller } = await deploymentManager(id);
    const made = await createToken(deps, caller, server.organizationId, newToken());
    expect(made).not.toHaveProperty('expiryPeriodInDays');
    server.advance(5 * dayMs);
    const rotated = await server.call(server.ownerToken, 'POST', `/tokens/${made.id}/rotate`);
    expect(rotated.body.endAt).toBe(instant(testEpoch + 15 * dayMs));
  });

  test('rights from higher up are not bound by it', async () => {
    const manager = await server.makeToken({ role: 'WORKSPACE_OWNER', days: 10 });
    const made = await server.call(manager.token, 'POST', '/tokens', newToken(365));
    expect([made.status, made.body.endAt]).toEqual([200, instant(testEpoch + 365 * dayMs)]);
  });
});
