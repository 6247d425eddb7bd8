import type { FeedEntry } from '@astrolabe/contract';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.close());

const works = async (value: string): Promise<boolean> => (await server.call(value, 'GET', '/tokens?limit=0')).status === 200;
const remove = async (path: string): Promise<void> => {
  expect((await server.call(server.ownerToken, 'DELETE', path)).status).toBe(204);
};

test('A-10 deleting a Deployment ends its tokens, agent tokens too, and the roles that others hold there', async () => {
  const deploymentId = await server.makeDeployment('doomed');
  const own = await server.makeToken({ role: 'DEPLOYMENT_ADMIN', entityId: deploymentId, name: 'own' });
  const direct = await server.makeToken({ role: 'DEPLOYMENT_ADMIN', entityId: deploymentId, kind: 'DIRECT_ACCESS', days: 9 });
  const agent = (await server.call(server.ownerToken, 'POST', `/deployments/${deploymentId}/agent-tokens`, { name: 'gateway' })).body;
  const assigned = await server.makeToken({ role: 'WORKSPACE_MEMBER' });
  const kept = { entityType: 'DEPLOYMENT', entityId: server.deploymentId, role: 'DEPLOYMENT_ADMIN' } as const;
  await server.assign(assigned, [
    { entityType: 'DEPLOYMENT', entityId: deploymentId, role: 'DEPLOYMENT_ADMIN' },
    { entityType: 'DAG', entityId: 'x', role: 'DAG_VIEWER', deploymentId },
    { entityType: 'DAG_TAG', entityId: 'x', role: 'DAG_VIEWER', deploymentId },
    kept,
  ]);
  await remove(`/deployments/${deploymentId}`);

  expect(await Promise.all([own.token, direct.token, assigned.token].map(works))).toEqual([false, false, true]);
  for (const id of [own.id, direct.id, agent.id]) expect((await server.call(server.ownerToken, 'GET', `/tokens/${id}`)).status).toBe(404);
  expect((await server.call(server.ownerToken, 'GET', `/tokens/${assigned.id}`)).body.roles).toEqual([...assigned.roles, kept]);
  const live = await server.deps.read
    .selectFrom('tokenValue')
    .selectAll()
    .where('tokenId', 'in', [own.id, direct.id, agent.id])
    .where('retiredAt', 'is', null)
    .execute();
  expect(live).toEqual([]);

  const feed = await server.deps.read
    .selectFrom('change')
    .select('body')
    .where('deploymentId', '=', deploymentId)
    .orderBy('sequence')
    .execute();
  const entries = feed.map(({ body }) => JSON.parse(body) as FeedEntry);
  expect(entries.filter((entry) => entry.kind === 'token-gone').map((entry) => entry.id)).toEqual([own.id, direct.id].sort());
  expect(entries.at(-1)?.kind).toBe('end');
  const records = await server.deps.read.selectFrom('auditEvent').selectAll().orderBy('sequence').execute();
  expect(records.slice(-5).map(({ action }) => action)).toEqual([
    'token.deleted',
    'token.deleted',
    'agent_token.deleted',
    'token.roles_changed',
    'deployment.deleted',
  ]);
});

test('A-10 a new Deployment of the same name revives none', async () => {
  const deploymentId = await server.makeDeployment('phoenix');
  const old = await server.makeToken({ role: 'DEPLOYMENT_ADMIN', entityId: deploymentId, name: 'ci' });
  await remove(`/deployments/${deploymentId}`);
  const again = await server.makeDeployment('phoenix');
  expect(again).not.toBe(deploymentId);
  expect(await works(old.token)).toBe(false);
  expect((await server.call(server.ownerToken, 'GET', `/tokens?deploymentId=${again}`)).body.totalCount).toBe(0);
  await server.makeToken({ role: 'DEPLOYMENT_ADMIN', entityId: again, name: 'ci' });
  const body = { name: 'x', scope: 'DEPLOYMENT', role: 'DEPLOYMENT_ADMIN', entityId: deploymentId };
  expect((await server.call(server.ownerToken, 'POST', '/tokens', body)).body.code).toBe('deployment_not_found');
});

test('A-10 deleting a workspace ends its tokens and the assignments of others', async () => {
  const workspaceId = await server.makeWorkspace('doomed');
  const own = await server.makeToken({ role: 'WORKSPACE_OWNER', entityId: workspaceId });
  const assigned = await server.makeToken({ role: 'ORGANIZATION_MEMBER' });
  await server.assign(assigned, [{ entityType: 'WORKSPACE', entityId: workspaceId, role: 'WORKSPACE_OWNER' }]);
  await remove(`/v1/organizations/${server.organizationId}/workspaces/${workspaceId}`);
  expect(await Promise.all([own.token, assigned.token].map(works))).toEqual([false, true]);
  expect((await server.call(server.ownerToken, 'GET', `/tokens/${assigned.id}`)).body.roles).toEqual(assigned.roles);
});
