import { allows, covered, decodePermissions, expand } from '@astrolabe/policy';
import { createVerifier, type FrozenGrants, type Principal } from '@astrolabe/verify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startTestServer, type TestServer, testEpoch } from '../testing.ts';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.close());

const dayMs = 24 * 60 * 60 * 1000;

/** As a gateway without a server would see it. */
function verifyOffline(value: string, audience: string): Principal & { grants: FrozenGrants } {
  const { issuers, signingKeys, now } = server.deps;
  const principal = createVerifier({ issuers, audiences: [audience], keys: signingKeys.tokenKeys, now }).verify(value);
  if (!principal.grants) throw new Error('a direct access token carries its rights');
  return { ...principal, grants: principal.grants };
}

function newToken(body: object = {}) {
  const { deploymentId } = server;
  return {
    name: 'direct',
    scope: 'DEPLOYMENT',
    role: 'DEPLOYMENT_ADMIN',
    entityId: deploymentId,
    kind: 'DIRECT_ACCESS',
    tokenExpiryPeriodInDays: 365,
    ...body,
  };
}

test('is good without asking anybody, with the rights its role gave it', async () => {
  const { organizationId, workspaceId, deploymentId } = server;
  const { body } = await server.call(server.ownerToken, 'POST', '/tokens', newToken());
  expect(body).toMatchObject({ kind: 'DIRECT_ACCESS', expiryPeriodInDays: 365, endAt: new Date(testEpoch + 365 * dayMs).toISOString() });
  const { grants, kind, expiresAt } = verifyOffline(body.token, `deployment:${deploymentId}`);
  expect([kind, expiresAt]).toEqual(['DIRECT_ACCESS', testEpoch + 365 * dayMs]);
  const here = { organizationId, workspaceId, deploymentId };
  expect(Object.keys(grants.deployments)).toEqual([deploymentId]);
  expect(covered(grants, 'dag.airflow.dagRun.create', { ...here, dagId: 'any' })).toBe(true);
  expect(covered(grants, 'deployment.apiTokens.rotate', here)).toBe(false);
  expect(covered(grants, 'deployment.get', { ...here, deploymentId: workspaceId })).toBe(false);
});

test('a wider one carries its rights for each Deployment there is, and none made later', async () => {
  const otherWorkspaceId = await server.makeWorkspace('other');
  const second = await server.makeDeployment('second');
  const elsewhere = await server.makeDeployment('elsewhere', otherWorkspaceId);
  const { organizationId, workspaceId, deploymentId } = server;
  const workspace = await server.makeToken({ role: 'WORKSPACE_AUTHOR', kind: 'DIRECT_ACCESS', days: 1 });
  const { grants } = verifyOffline(workspace.token, `workspace:${workspaceId}`);
  expect(Object.keys(grants.deployments).sort()).toEqual([deploymentId, second].sort());
  const frozen = decodePermissions(grants.deployments[second]?.permissions ?? '', grants.version);
  const place = { organizationId, workspaceId, deploymentId: second };
  const author = {
    grants: [{ entityType: 'WORKSPACE', entityId: workspaceId, permissions: expand(['deployment.deploys.create']) } as const],
  };
  expect(allows(author, 'deployment.deploys.dags.create', place)).toBe(true);
  expect([...frozen]).toContain('deployment.deploys.dags.create');
  expect([...frozen].filter((permission) => permission.startsWith('workspace.'))).toEqual([]);

  const organization = await server.makeToken({ role: 'ORGANIZATION_OWNER', kind: 'DIRECT_ACCESS', days: 1 });
  const all = verifyOffline(organization.token, `organization:${organizationId}`).grants.deployments;
  expect(Object.keys(all).sort()).toEqual([deploymentId, second, elsewhere].sort());
  const member = await server.makeToken({ role: 'ORGANIZATION_MEMBER', kind: 'DIRECT_ACCESS', days: 1 });
  expect(verifyOffline(member.token, `organization:${organizationId}`).grants.deployments).toEqual({});
});

test('past 4 KiB it is a 400, and no token', async () => {
  for (let i = 0; i < 40; i++) await server.makeDeployment(`d${i}`);
  const body = newToken({ scope: 'WORKSPACE', role: 'WORKSPACE_OWNER', entityId: server.workspaceId });
  expect((await server.call(server.ownerToken, 'POST', '/tokens', body)).body).toMatchObject({ status: 400, code: 'token_too_large' });
  expect((await server.call(server.ownerToken, 'GET', '/tokens?kind=DIRECT_ACCESS')).body.totalCount).toBe(0);
});

test.each([undefined, 366, 3650])('R-01 an expiry of %s days is a 400', async (days) => {
  const { tokenExpiryPeriodInDays: _, ...body } = newToken();
  const refused = await server.call(server.ownerToken, 'POST', '/tokens', { ...body, ...(days ? { tokenExpiryPeriodInDays: days } : {}) });
  expect(refused.body).toMatchObject({ status: 400, code: 'expiry_required' });
});

test('only an Organization Owner creates and rotates them', async () => {
  const direct = await server.makeToken({ role: 'DEPLOYMENT_ADMIN', kind: 'DIRECT_ACCESS', days: 30 });
  const manager = await server.makeToken({ role: 'WORKSPACE_OWNER' });
  expect((await server.call(manager.token, 'POST', '/tokens', newToken())).body.code).toBe('permission_denied');
  expect((await server.call(manager.token, 'POST', `/tokens/${direct.id}/rotate`)).body.code).toBe('permission_denied');
  expect((await server.call(manager.token, 'POST', `/tokens/${direct.id}`, { name: 'renamed' })).status).toBe(200);
  expect((await server.call(manager.token, 'DELETE', `/tokens/${direct.id}`)).status).toBe(204);
});

test('its roles are fixed: 409, but sending them unchanged is fine', async () => {
  const direct = await server.makeToken({ role: 'DEPLOYMENT_ADMIN', kind: 'DIRECT_ACCESS', days: 30 });
  const path = `/tokens/${direct.id}/roles`;
  expect((await server.call(server.ownerToken, 'POST', path, { roles: direct.roles })).status).toBe(200);
  const dag = { entityType: 'DAG', entityId: 'x', role: 'DAG_VIEWER', deploymentId: server.deploymentId };
  for (const roles of [[...direct.roles, dag], [{ ...direct.roles[0], role: 'DEPLOYMENT_ACCESSOR' }]]) {
    expect((await server.call(server.ownerToken, 'POST', path, { roles })).body).toMatchObject({
      status: 409,
      code: 'direct_access_frozen',
    });
  }
});

test('rotation copies the rights as they were, and the period starts anew', async () => {
  const direct = await server.makeToken({ role: 'WORKSPACE_OWNER', kind: 'DIRECT_ACCESS', days: 30 });
  const audience = `workspace:${server.workspaceId}`;
  const before = verifyOffline(direct.token, audience).grants;
  await server.makeDeployment('made later');
  server.advance(10 * dayMs);
  const rotated = await server.call(server.ownerToken, 'POST', `/tokens/${direct.id}/rotate`);
  const after = verifyOffline(rotated.body.token, audience);
  expect([after.grants, after.expiresAt]).toEqual([before, testEpoch + 40 * dayMs]);
});
