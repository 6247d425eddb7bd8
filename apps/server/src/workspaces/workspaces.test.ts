import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';

let server: TestServer;
let path: string;
beforeAll(async () => {
  server = await startTestServer();
  path = `/v1/organizations/${server.organizationId}/workspaces`;
});
afterAll(() => server.close());

const owner = (method: 'GET' | 'POST' | 'DELETE', tail: string, body?: unknown) =>
  server.call(server.ownerToken, method, path + tail, body);

describe('a workspace from create to delete, as Terraform does it', () => {
  test('create, read, update, delete, and then it is not there', async () => {
    const made = await owner('POST', '', { name: 'Analytics', description: 'ours', cicdEnforcedDefault: true });
    expect(made.status).toBe(200);
    const { id } = made.body;
    expect(made.body).toMatchObject({
      name: 'Analytics',
      description: 'ours',
      organizationId: server.organizationId,
      organizationName: 'My Organization',
      cicdEnforcedDefault: true,
      createdBy: { apiTokenName: 'owner of the test' },
    });
    expect((await owner('GET', `/${id}`)).body).toEqual(made.body);
    const updated = await owner('POST', `/${id}`, { name: 'Finance', description: '', cicdEnforcedDefault: false });
    expect(updated).toMatchObject({ status: 200, body: { id, name: 'Finance', description: '', cicdEnforcedDefault: false } });
    expect(await owner('DELETE', `/${id}`)).toMatchObject({ status: 204, body: undefined });
    for (const [method, body] of [['GET'], ['DELETE'], ['POST', { name: 'again' }]] as const) {
      expect(await owner(method, `/${id}`, body)).toMatchObject({ status: 404, body: { code: 'workspace_not_found' } });
    }
  });

  test('the v1 cluster defaults are kept, and the two ways of naming a cluster replace each other', async () => {
    const { body } = await owner('POST', '', { name: 'Regional', defaultCloudProvider: 'AWS', defaultRegion: 'us-east-1' });
    expect(body).toMatchObject({ defaultCloudProvider: 'AWS', defaultRegion: 'us-east-1', description: '', cicdEnforcedDefault: false });
    expect((await owner('POST', `/${body.id}`, { name: 'Regional' })).body).toMatchObject({ defaultCloudProvider: 'AWS' });
    const { body: clustered } = await owner('POST', `/${body.id}`, { name: 'Regional', defaultClusterId: 'cm0clu0000000000000000001' });
    expect(clustered).toMatchObject({ defaultClusterId: 'cm0clu0000000000000000001' });
    expect(clustered).not.toHaveProperty('defaultCloudProvider');
  });

  test('A-05 a field that is not of the request is refused with its name', async () => {
    const { status, body } = await owner('POST', '', { name: 'x', id: 'mine' });
    expect([status, body.fieldErrors]).toEqual([400, [{ code: 'unknown_field', field: 'id', message: 'is not a field of this request' }]]);
  });

  test('one with a Deployment is not deleted, 409; once it is empty it is', async () => {
    const workspaceId = await server.makeWorkspace('crowded');
    const deploymentId = await server.makeDeployment('in it', workspaceId);
    expect(await owner('DELETE', `/${workspaceId}`)).toMatchObject({ status: 409, body: { code: 'workspace_not_empty' } });
    expect((await server.call(server.ownerToken, 'DELETE', `/deployments/${deploymentId}`)).status).toBe(204);
    expect((await owner('DELETE', `/${workspaceId}`)).status).toBe(204);
  });

  test('A-10 its tokens end with it, and one of the same name revives none', async () => {
    const workspaceId = await server.makeWorkspace('short-lived');
    const { token } = await server.makeToken({ role: 'WORKSPACE_OWNER', entityId: workspaceId });
    expect((await server.call(token, 'GET', path)).status).toBe(200);
    await owner('DELETE', `/${workspaceId}`);
    await server.makeWorkspace('short-lived');
    expect((await server.call(token, 'GET', path)).status).toBe(401);
  });
});

describe('lists', () => {
  test('show what the caller has a role on, and nothing else', async () => {
    const other = await server.makeWorkspace('elsewhere');
    const own = await server.makeToken({ role: 'WORKSPACE_ACCESSOR' });
    const { body } = await server.call(own.token, 'GET', path);
    expect(body.workspaces.map((workspace: { id: string }) => workspace.id)).toEqual([server.workspaceId]);
    expect(body.totalCount).toBe(1);
    expect(await server.call(own.token, 'GET', `${path}/${other}`)).toMatchObject({ status: 404, body: { code: 'workspace_not_found' } });
    const member = await server.makeToken({ role: 'ORGANIZATION_MEMBER' });
    expect((await server.call(member.token, 'GET', path)).body).toMatchObject({ workspaces: [], totalCount: 0 });
    const deploymentToken = await server.makeToken({ role: 'DEPLOYMENT_ADMIN' });
    expect((await server.call(deploymentToken.token, 'GET', path)).body.totalCount).toBe(0);
  });

  test('ids without a limit are all answered; names are exact; an offset past the end is empty', async () => {
    const ids: string[] = [];
    for (let number = 0; number < 25; number++) ids.push(await server.makeWorkspace(`many ${number}`));
    const query = ids.map((id) => `workspaceIds=${id}`).join('&');
    expect((await owner('GET', `?${query}`)).body).toMatchObject({ totalCount: 25, limit: 25 });
    expect((await owner('GET', `?${query}`)).body.workspaces).toHaveLength(25);
    expect((await owner('GET', `?${query}&limit=10&offset=20`)).body.workspaces).toHaveLength(5);
    expect((await owner('GET', '?names=many 1&names=many 2&sorts=name:desc')).body.workspaces).toMatchObject([
      { name: 'many 2' },
      { name: 'many 1' },
    ]);
    expect((await owner('GET', '?names=many')).body.workspaces).toEqual([]);
    expect((await owner('GET', '?offset=1000&limit=1000')).body).toMatchObject({ workspaces: [], totalCount: expect.any(Number) });
    expect((await owner('GET', '')).body).toMatchObject({ limit: 20, workspaces: { length: 20 } });
    expect((await owner('GET', '')).body.workspaces[0].name).toBe('many 24'); // newest first
  });

  test('V-07 no limit beats the cap', async () => {
    for (const limit of ['-1', '1001', '1e9', 'all']) expect((await owner('GET', `?limit=${limit}`)).status, limit).toBe(400);
    expect((await owner('GET', '?limit=0')).body.workspaces).toEqual([]);
  });
});

describe('who may', () => {
  test('create: the Organization Owner alone', async () => {
    for (const role of ['ORGANIZATION_MEMBER', 'WORKSPACE_OWNER', 'DEPLOYMENT_ADMIN'] as const) {
      const { token } = await server.makeToken({ role });
      expect(await server.call(token, 'POST', path, { name: 'mine' })).toMatchObject({ status: 403, body: { code: 'permission_denied' } });
    }
  });

  test('change: whoever owns it; who only sees it is refused, who does not see it finds nothing', async () => {
    const change = { name: 'My Workspace' };
    const { token: ownerOfIt } = await server.makeToken({ role: 'WORKSPACE_OWNER' });
    const { token: operator } = await server.makeToken({ role: 'WORKSPACE_OPERATOR' });
    const { token: stranger } = await server.makeToken({ role: 'DEPLOYMENT_ADMIN' });
    expect((await server.call(ownerOfIt, 'POST', `${path}/${server.workspaceId}`, change)).status).toBe(200);
    for (const method of ['POST', 'DELETE'] as const) {
      const body = method === 'POST' ? change : undefined;
      expect((await server.call(operator, method, `${path}/${server.workspaceId}`, body)).status).toBe(403);
      expect(await server.call(stranger, method, `${path}/${server.workspaceId}`, body)).toMatchObject({
        status: 404,
        body: { code: 'workspace_not_found' },
      });
    }
  });

  test('every change is in the audit trail with who and where from', async () => {
    const { body } = await owner('POST', '', { name: 'audited' });
    await owner('POST', `/${body.id}`, { name: 'audited twice' });
    await owner('DELETE', `/${body.id}`);
    const events = await server.deps.read
      .selectFrom('auditEvent')
      .selectAll()
      .where('targetId', '=', body.id)
      .orderBy('sequence')
      .execute();
    expect(events.map((event) => event.action)).toEqual(['workspace.created', 'workspace.updated', 'workspace.deleted']);
    for (const event of events) expect(event).toMatchObject({ actorType: 'SERVICEKEY', address: '127.0.0.1', targetType: 'workspace' });
  });
});
