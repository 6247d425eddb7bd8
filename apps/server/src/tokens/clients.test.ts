/** Existing clients, request by request. `reference/api.md` 4.3 to 4.6, `reference/cli.md` 5. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';

let server: TestServer;
let owner: string;
beforeEach(async () => {
  server = await startTestServer();
  owner = server.ownerToken;
});
afterEach(() => server.close());

describe('the Terraform provider', () => {
  const iam = (path = '') => `/iam/v1beta1/organizations/${server.organizationId}/tokens${path}`;
  const platform = (path: string) => `/platform/v1beta1/organizations/${server.organizationId}/${path}`;
  /** Success is exactly 200 with a JSON body. */
  const ok = async (method: 'GET' | 'POST', path: string, body?: unknown) => {
    const answer = await server.call(owner, method, path, body);
    expect([method, path, answer.status, answer.body.message]).toEqual([method, path, 200, undefined]);
    expect(answer.headers['content-type']).toMatch(/json/);
    return answer.body;
  };

  test('a token with one role: create, read, update, import, delete', async () => {
    const found = await ok('GET', platform(`deployments?deploymentIds=${server.deploymentId}`));
    expect(found.deployments.map((deployment: { id: string }) => deployment.id)).toEqual([server.deploymentId]);
    const created = await ok('POST', iam(), {
      name: 'tf',
      type: 'DEPLOYMENT',
      role: 'DEPLOYMENT_ADMIN',
      description: '',
      entityId: server.deploymentId,
      tokenExpiryPeriodInDays: 30,
    });
    expect(created.token).toEqual(expect.any(String));
    const read = await ok('GET', iam(`/${created.id}`));
    const { token: _value, ...state } = created;
    expect(read).toEqual(state);
    expect(read).toMatchObject({ type: 'DEPLOYMENT', kind: 'STANDARD', expiryPeriodInDays: 30, createdBy: {}, updatedBy: {} });

    const roles = read.roles;
    await ok('POST', iam(`/${created.id}/roles`), { roles });
    await ok('POST', iam(`/${created.id}`), { name: 'tf', description: 'changed' });
    expect(await ok('GET', iam(`/${created.id}`))).toMatchObject({ description: 'changed', roles });

    expect((await server.call(owner, 'DELETE', iam(`/${created.id}`))).status).toBe(204);
    expect((await server.call(owner, 'DELETE', iam(`/${created.id}`))).status).toBe(404);
    expect((await server.call(owner, 'GET', iam(`/${created.id}`))).status).toBe(404);
  });

  test('a token with more roles sends them all in a second call, and reads exactly those', async () => {
    const { organizationId, workspaceId, deploymentId } = server;
    await ok('GET', platform(`workspaces?workspaceIds=${workspaceId}`));
    const { id } = await ok('POST', iam(), { name: 'tf', type: 'ORGANIZATION', role: 'ORGANIZATION_OWNER', description: '' });
    const roles = [
      { entityType: 'ORGANIZATION', entityId: organizationId, role: 'ORGANIZATION_OWNER' },
      { entityType: 'WORKSPACE', entityId: workspaceId, role: 'WORKSPACE_OWNER' },
      { entityType: 'DEPLOYMENT', entityId: deploymentId, role: 'DEPLOYMENT_ADMIN' },
    ];
    await ok('POST', iam(`/${id}/roles`), { roles });
    const read = await ok('GET', iam(`/${id}`));
    expect(read.roles).toEqual(roles);
    expect(read).not.toHaveProperty('endAt');
    expect(read).not.toHaveProperty('expiryPeriodInDays');
    expect(organizationId < workspaceId && workspaceId < deploymentId).toBe(true); // 4.7: ids sort in the order of creation
  });

  test('Dag roles come and go beside DEPLOYMENT_ADMIN', async () => {
    const { deploymentId } = server;
    const admin = { entityType: 'DEPLOYMENT', entityId: deploymentId, role: 'DEPLOYMENT_ADMIN' };
    const viewer = { entityType: 'DAG', entityId: 'my_dag', role: 'DAG_VIEWER', deploymentId };
    const author = { entityType: 'DAG_TAG', entityId: 'my_tag', role: 'DAG_AUTHOR', deploymentId };
    const { id } = await ok('POST', iam(), {
      name: 'tf',
      type: 'DEPLOYMENT',
      role: 'DEPLOYMENT_ADMIN',
      description: '',
      entityId: deploymentId,
    });
    for (const roles of [[admin, viewer], [admin, author], [admin, viewer, author], [admin]]) {
      await ok('POST', iam(`/${id}/roles`), { roles });
      expect((await ok('GET', iam(`/${id}`))).roles).toEqual(roles);
    }
  });

  test('a changed type is gone from one list and new in the other; the newest is on the first page', async () => {
    const { workspaceId, deploymentId } = server;
    for (let i = 0; i < 25; i++) await server.makeToken({ role: i % 2 ? 'WORKSPACE_MEMBER' : 'DEPLOYMENT_ADMIN' });
    const names = async (query: string) => (await ok('GET', iam(`?${query}`))).tokens.map((row: { name: string }) => row.name);
    server.advance(1000);
    const body = { name: 'tf', description: '' };
    const first = await ok('POST', iam(), { ...body, type: 'WORKSPACE', role: 'WORKSPACE_OWNER', entityId: workspaceId });
    expect(await names(`workspaceId=${workspaceId}`)).toContain('tf');
    await server.call(owner, 'DELETE', iam(`/${first.id}`));
    await ok('POST', iam(), { ...body, type: 'DEPLOYMENT', role: 'DEPLOYMENT_ADMIN', entityId: deploymentId });
    expect(await names(`deploymentId=${deploymentId}`)).toContain('tf');
    expect(await names(`workspaceId=${workspaceId}`)).not.toContain('tf');
    expect(await names('includeOnlyOrganizationTokens=true')).not.toContain('tf');
  });

  test('data sources page by 1000 until past the end', async () => {
    const page = await ok('GET', iam('?limit=1000&offset=0&includeOnlyOrganizationTokens=true'));
    expect(page.totalCount).toBe(page.tokens.length);
    expect((await ok('GET', iam('?limit=1000&offset=1000'))).tokens).toEqual([]);
  });
});

describe('the command line', () => {
  const ok = async (method: 'GET' | 'POST', path: string, body?: unknown) => {
    const answer = await server.call(owner, method, `/v1/organizations${path}`, body);
    expect([method, path, answer.status, answer.body?.message]).toEqual([method, path, 200, undefined]);
    expect(answer.headers['content-type']).toMatch(/json/);
    return answer.body;
  };

  test('the worked example: create, then rotate, as it stands on the wire', async () => {
    const { organizationId, deploymentId } = server;
    const organizations = await ok('GET', '?limit=100&offset=0');
    expect(organizations).toMatchObject({
      organizations: [{ id: organizationId, product: 'HOSTED' }],
      totalCount: 1,
      limit: 100,
      offset: 0,
    });
    const created = await ok('POST', `/${organizationId}/tokens`, {
      description: '',
      entityId: deploymentId,
      name: 'ci',
      role: 'DEPLOYMENT_ADMIN',
      scope: 'DEPLOYMENT',
      tokenExpiryPeriodInDays: 30,
    });
    expect(created.token.split('.')).toHaveLength(3);
    expect(created.id).toBe(created.id.toLowerCase());
    await ok('GET', `/${organizationId}/tokens/${created.id}`);
    const rotated = await ok('POST', `/${organizationId}/tokens/${created.id}/rotate`);
    expect(rotated.token).not.toBe(created.token);
  });

  test('every entry of `permissions` has a colon, because the client splits at it without looking', async () => {
    for (const role of ['ORGANIZATION_MEMBER', 'WORKSPACE_MEMBER', 'DEPLOYMENT_ADMIN'] as const) {
      const { token } = await server.makeToken({ role });
      const { permissions } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
      for (const entry of permissions) expect(entry).toMatch(/^[A-Za-z]+:c[0-9a-z]{24}$/);
      expect(permissions).toContain(`organizationId:${server.organizationId}`);
    }
  });

  test('update sends the roles unchanged; an assignment is added and removed by sending the whole list', async () => {
    const { organizationId, deploymentId } = server;
    const base = `/${organizationId}/tokens`;
    const organization = await server.makeToken({ role: 'ORGANIZATION_MEMBER', name: 'shared' });
    const listed = await ok('GET', `${base}?includeOnlyOrganizationTokens=true&limit=100&offset=0`);
    expect(listed.tokens.map((row: { name: string }) => row.name)).toContain('shared');
    const before = (await ok('GET', `${base}/${organization.id}`)).roles;
    const assignment = { entityType: 'DEPLOYMENT', entityId: deploymentId, role: 'DEPLOYMENT_ADMIN' };
    await ok('POST', `${base}/${organization.id}/roles`, { roles: [...before, assignment] });
    const [assigned] = (await ok('GET', `${base}?deploymentId=${deploymentId}&limit=100&offset=0`)).tokens;
    expect(assigned).toMatchObject({ id: organization.id, scope: 'ORGANIZATION', roles: [...before, assignment] });
    await ok('POST', `${base}/${organization.id}`, { name: 'shared', description: '' });
    await ok('POST', `${base}/${organization.id}/roles`, { roles: before });
    expect((await ok('GET', `${base}?deploymentId=${deploymentId}&limit=100&offset=0`)).totalCount).toBe(0);
  });

  test('whoever sees nothing but the assignment removes it with an empty list', async () => {
    const shared = await server.makeToken({ role: 'ORGANIZATION_MEMBER' });
    await server.assign(shared, [{ entityType: 'WORKSPACE', entityId: server.workspaceId, role: 'WORKSPACE_AUTHOR' }]);
    const manager = await server.makeToken({ role: 'WORKSPACE_OWNER' });
    const removed = await server.call(manager.token, 'POST', `/tokens/${shared.id}/roles`, { roles: [] });
    expect([removed.status, removed.body]).toEqual([200, {}]);
    expect((await server.call(owner, 'GET', `/tokens/${shared.id}`)).body.roles).toEqual(shared.roles);
  });
});
