import { hashJti } from '@astrolabe/verify';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer, testEpoch } from '../testing.ts';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.close());

const dayMs = 24 * 60 * 60 * 1000;

/** What the value says, unverified. */
function claimsOf(value: string) {
  return JSON.parse(Buffer.from(value.split('.')[1] ?? '', 'base64url').toString());
}

function newToken(body: object = {}) {
  return { name: 'ci', scope: 'DEPLOYMENT', role: 'DEPLOYMENT_ADMIN', entityId: server.deploymentId, description: '', ...body };
}

describe('create', () => {
  test('F-06 200 shows the value once, no-store', async () => {
    const created = await server.call(server.ownerToken, 'POST', '/tokens', newToken({ tokenExpiryPeriodInDays: 30 }));
    expect(created.status).toBe(200);
    expect(created.headers['cache-control']).toBe('no-store');
    const { token, id, createdBy, ...rest } = created.body;
    expect(rest).toMatchObject({
      name: 'ci',
      description: '',
      scope: 'DEPLOYMENT',
      type: 'DEPLOYMENT',
      kind: 'STANDARD',
      roles: [{ entityType: 'DEPLOYMENT', entityId: server.deploymentId, role: 'DEPLOYMENT_ADMIN' }],
      startAt: new Date(testEpoch).toISOString(),
      endAt: new Date(testEpoch + 30 * dayMs).toISOString(),
      expiryPeriodInDays: 30,
    });
    expect(createdBy).toMatchObject({ subjectType: 'SERVICEKEY', apiTokenName: 'owner of the test' });
    const claims = claimsOf(token);
    expect(claims).toMatchObject({ sub: id, client_id: id, apiTokenId: id, kind: 'STANDARD', org_id: server.organizationId });
    expect(claims.aud).toEqual([`deployment:${server.deploymentId}`]);
    expect(claims.permissions).toEqual([
      `apiTokenId:${id}`,
      `organizationId:${server.organizationId}`,
      `workspaceId:${server.workspaceId}`,
      `deploymentId:${server.deploymentId}`,
    ]);
    expect(claims.exp * 1000).toBe(testEpoch + 30 * dayMs);
    expect(rest.shortToken).toBe(hashJti(claims.jti).slice(0, 8));
  });
});
