import { afterEach, beforeEach, expect, test } from 'vitest';
import { auditChain, listAuditEvents } from '../store/audit.ts';
import { startTestServer, type TestServer, testEpoch } from '../testing.ts';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.close());

const events = () => listAuditEvents(server.deps.read, server.organizationId, 0, 1000);

test('U-01 create, rotate, role change, rename and delete record who, what, where, when and in which request', async () => {
  const manager = await server.makeToken({ role: 'WORKSPACE_OWNER' });
  const before = (await events()).length;
  const body = { name: 'ci', scope: 'WORKSPACE', role: 'WORKSPACE_MEMBER', entityId: server.workspaceId, tokenExpiryPeriodInDays: 1 };
  const { body: created } = await server.call(manager.token, 'POST', '/tokens', body);
  const path = `/tokens/${created.id}`;
  server.advance(1000);
  const { body: rotated } = await server.call(manager.token, 'POST', `${path}/rotate`);
  const entity = { entityType: 'WORKSPACE', entityId: server.workspaceId };
  await server.call(manager.token, 'POST', `${path}/roles`, { roles: [{ ...entity, role: 'WORKSPACE_AUTHOR' }] });
  await server.call(manager.token, 'POST', path, { name: 'ours' });
  await server.call(manager.token, 'DELETE', path);
  const { body: agent } = await server.call(manager.token, 'POST', `/deployments/${server.deploymentId}/agent-tokens`, { name: 'gateway' });
  await server.call(manager.token, 'DELETE', `/deployments/${server.deploymentId}/agent-tokens/${agent.id}`);

  const recorded = (await events()).slice(before);
  expect(recorded.map(({ action, targetId, detail }) => [action, targetId, JSON.parse(detail)])).toEqual([
    [
      'token.created',
      created.id,
      {
        name: 'ci',
        kind: 'STANDARD',
        scope: 'WORKSPACE',
        entityId: server.workspaceId,
        shortToken: created.shortToken,
        endAt: created.endAt,
        roles: [{ ...entity, deploymentId: '', role: 'WORKSPACE_MEMBER' }],
      },
    ],
    [
      'token.rotated',
      created.id,
      {
        name: 'ci',
        shortToken: rotated.shortToken,
        previousShortToken: created.shortToken,
        endAt: rotated.endAt,
        previousEndsAt: rotated.previousEndsAt,
      },
    ],
    [
      'token.roles_changed',
      created.id,
      {
        name: 'ci',
        added: [{ ...entity, deploymentId: '', role: 'WORKSPACE_AUTHOR' }],
        removed: [{ ...entity, deploymentId: '', role: 'WORKSPACE_MEMBER' }],
      },
    ],
    ['token.updated', created.id, { name: 'ours', previousName: 'ci' }],
    ['token.deleted', created.id, { name: 'ours', shortToken: rotated.shortToken }],
    ['agent_token.created', agent.id, expect.objectContaining({ name: 'gateway', kind: 'AGENT', roles: [] })],
    ['agent_token.deleted', agent.id, { name: 'gateway', shortToken: agent.shortToken }],
  ]);
  for (const [index, event] of recorded.entries()) {
    expect(event).toMatchObject({
      actorType: 'SERVICEKEY',
      actorId: manager.id,
      address: '127.0.0.1',
      at: testEpoch + (index === 0 ? 0 : 1000),
    });
    expect(event.requestId).toMatch(/^[0-9a-f]{8}-/);
  }
  expect(new Set(recorded.map((event) => event.requestId)).size).toBe(recorded.length);
});

test('what was refused, and what changed nothing, leaves no record', async () => {
  const token = await server.makeToken({ role: 'DEPLOYMENT_ADMIN' });
  const before = (await events()).length;
  await server.call(token.token, 'DELETE', `/tokens/${token.id}`);
  await server.call(server.ownerToken, 'POST', `/tokens/${token.id}/roles`, { roles: token.roles });
  await server.call(server.ownerToken, 'POST', `/tokens/${token.id}`, { name: token.name, description: '' });
  expect(await events()).toHaveLength(before);
});

test('U-06 control characters, line ends and Unicode tricks in names are escaped in records', async () => {
  const name = 'evil\u0007\u001b[31m\r\n2027-01-10 all is well\u2028\u202e\u200bname\u{e0041}ü';
  const body = { name, scope: 'ORGANIZATION', role: 'ORGANIZATION_MEMBER', description: name };
  const created = await server.call(server.ownerToken, 'POST', '/tokens', body);
  expect([created.status, created.body.name]).toEqual([200, name]);
  const [record] = (await events()).slice(-1);
  expect(record?.detail).toMatch(/^[\x20-\x7eü]+$/);
  expect(JSON.parse(record?.detail ?? '').name).toBe(name);
  const taken = await server.call(server.ownerToken, 'POST', '/tokens', body);
  expect(taken.body.code).toBe('name_taken');
  for (const line of server.logLines) expect(line.trimEnd()).toMatch(/^[^\p{Cc}\p{Cf}\u2028\u2029]*$/u);
});

test('the chain of records can be followed from the first to the head', async () => {
  await server.makeToken({ role: 'DEPLOYMENT_ADMIN' });
  const all = await events();
  let chain = '0'.repeat(64);
  for (const [index, event] of all.entries()) {
    chain = auditChain(chain, event);
    expect([event.sequence, event.chain]).toEqual([index + 1, chain]);
  }
});
