import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';

let server: TestServer;
let path: string;
beforeAll(async () => {
  server = await startTestServer();
  path = `/v1/organizations/${server.organizationId}`;
});
afterAll(() => server.close());

const nobodys = 'cm0org0000000000000000001';

describe('what existing clients ask first', () => {
  test('every valid token reads its own organization, and product is always there', async () => {
    for (const role of ['DEPLOYMENT_ACCESSOR', 'WORKSPACE_ACCESSOR', 'ORGANIZATION_MEMBER'] as const) {
      const { token } = await server.makeToken({ role });
      const list = await server.call(token, 'GET', '/v1/organizations?limit=100&offset=0');
      expect(list).toMatchObject({ status: 200, body: { limit: 100, offset: 0, totalCount: 1 } });
      expect(list.body.organizations).toMatchObject([{ id: server.organizationId, product: 'HOSTED', supportPlan: 'ENTERPRISE' }]);
      expect(list.headers['content-type']).toContain('json');
      expect((await server.call(token, 'GET', path)).body).toEqual(list.body.organizations[0]);
    }
  });

  test('all bases answer alike', async () => {
    const { body } = await server.call(server.ownerToken, 'GET', path);
    for (const base of ['/platform/v1beta1', '/iam/v1beta1']) {
      const old = await server.call(server.ownerToken, 'GET', path.replace('/v1', base));
      expect(old).toMatchObject({ status: 200, body });
    }
  });

  test('everything that the published answer requires is there', async () => {
    const { body } = await server.call(server.ownerToken, 'GET', `${path}?isLookUpOnly=true`);
    for (const field of [
      'id name createdAt createdBy updatedAt updatedBy isScimEnabled allowEnhancedSupportAccess hasAllowedIpAddressRanges',
      'isBlockedEnableAiFeatures shouldEnforceDedicatedClusters productPlans',
    ].flatMap((names) => names.split(' '))) {
      expect(body, field).toHaveProperty(field);
    }
  });

  test('an offset past the end and a filter that fits nothing are empty lists', async () => {
    for (const query of ['offset=1', 'offset=1000&limit=1000', 'limit=0', 'product=HYBRID', 'productPlan=TEAM']) {
      const { status, body } = await server.call(server.ownerToken, 'GET', `/v1/organizations?${query}`);
      expect([status, body.organizations], query).toEqual([200, []]);
    }
  });
});

describe('changing it', () => {
  const change = { name: ' Ours ', billingEmail: 'a@example.org', isScimEnabled: true };

  test('the owner does, fields that are left out stay, and the audit trail says which', async () => {
    await server.call(server.ownerToken, 'POST', path, { ...change, shouldEnforceDedicatedClusters: true });
    const { status, body } = await server.call(server.ownerToken, 'POST', path, change);
    expect(status).toBe(200);
    expect(body).toMatchObject({ name: 'Ours', billingEmail: 'a@example.org', isScimEnabled: true, shouldEnforceDedicatedClusters: true });
    expect(body.updatedBy).toMatchObject({ subjectType: 'SERVICEKEY', apiTokenName: 'owner of the test' });
    const events = await server.deps.read.selectFrom('auditEvent').selectAll().where('action', '=', 'organization.updated').execute();
    expect(JSON.parse(events.at(-1)?.detail ?? '')).toEqual({ fields: ['name', 'billingEmail', 'isScimEnabled'] });
  });

  test('nobody else does, although everybody sees it', async () => {
    for (const role of ['ORGANIZATION_MEMBER', 'ORGANIZATION_BILLING_ADMIN', 'WORKSPACE_OWNER', 'DEPLOYMENT_ADMIN'] as const) {
      const { token } = await server.makeToken({ role });
      expect(await server.call(token, 'POST', path, change)).toMatchObject({ status: 403, body: { code: 'permission_denied' } });
    }
  });

  test('A-02 another organization is not there for anybody, whatever is asked', async () => {
    for (const id of [nobodys, 'no-id', '..%2f..', 'C'.repeat(25)]) {
      for (const [method, tail, body] of [
        ['GET', '', undefined],
        ['POST', '', change],
        ['GET', '/workspaces', undefined],
        ['POST', '/workspaces', { name: 'x' }],
        ['GET', '/deployments', undefined],
        ['GET', '/deployment-options', undefined],
        ['GET', `/workspaces/${server.workspaceId}`, undefined],
        ['DELETE', `/workspaces/${server.workspaceId}`, undefined],
        ['GET', `/deployments/${server.deploymentId}`, undefined],
        ['DELETE', `/deployments/${server.deploymentId}`, undefined],
      ] as const) {
        const answer = await server.call(server.ownerToken, method, `/v1/organizations/${id}${tail}`, body);
        expect(answer, `${method} ${id}${tail}`).toMatchObject({ status: 404, body: { code: 'organization_not_found' } });
      }
    }
  });
});
