import { hashJti } from '@astrolabe/verify';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer, testEpoch } from '../testing.ts';

let server: TestServer;
let owner: string;
beforeEach(async () => {
  server = await startTestServer();
  owner = server.ownerToken;
});
afterEach(() => server.close());

const dayMs = 24 * 60 * 60 * 1000;
const unknownId = 'cm0zzzzzzzzzzzzzzzzzzzzzz';

/** What the value says, unverified. */
function claimsOf(value: string) {
  return JSON.parse(Buffer.from(value.split('.')[1] ?? '', 'base64url').toString());
}

function newToken(body: object = {}) {
  return { name: 'ci', scope: 'DEPLOYMENT', role: 'DEPLOYMENT_ADMIN', entityId: server.deploymentId, description: '', ...body };
}

async function create(body: object = {}) {
  const created = await server.call(owner, 'POST', '/tokens', newToken(body));
  expect(created.status).toBe(200);
  return created.body;
}

async function names(query = '', token = owner): Promise<string[]> {
  const listed = await server.call(token, 'GET', `/tokens${query}`);
  expect(listed.status).toBe(200);
  return listed.body.tokens.map((row: { name: string }) => row.name);
}

describe('create', () => {
  test('F-06 200 shows the value once, no-store', async () => {
    const created = await server.call(owner, 'POST', '/tokens', newToken({ tokenExpiryPeriodInDays: 30 }));
    expect(created.status).toBe(200);
    expect(created.headers['content-type']).toMatch(/json/);
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

    const fetched = await server.call(owner, 'GET', `/tokens/${id}`);
    const { token: _value, ...shown } = created.body;
    expect(fetched.body).toEqual(shown);
    const listed = await server.call(owner, 'GET', '/tokens');
    expect(JSON.stringify([fetched.body, listed.body])).not.toContain(claims.jti);
  });

  test('R-02 without a period the token never ends, and is shown so', async () => {
    const { token, ...shown } = await create();
    expect(claimsOf(token)).not.toHaveProperty('exp');
    expect(shown).not.toHaveProperty('endAt');
    expect(shown).not.toHaveProperty('expiryPeriodInDays');
    server.advance(3650 * dayMs);
    expect((await server.call(token, 'GET', `/tokens/${shown.id}`)).status).toBe(200);
  });

  test.each([0, -1, 1.5, 3651, 1e300, '30', null, Number.MAX_SAFE_INTEGER + 1])('R-01 a period of %j is a 400', async (days) => {
    const refused = await server.call(owner, 'POST', '/tokens', newToken({ tokenExpiryPeriodInDays: days }));
    expect(refused.status).toBe(400);
    expect(refused.body.fieldErrors[0].field).toBe('tokenExpiryPeriodInDays');
    expect(await names()).not.toContain('ci');
  });

  test.each([
    ['id', unknownId],
    ['token', 'x'],
    ['endAt', '2030-01-01T00:00:00Z'],
    ['roles', []],
    ['type', 'DEPLOYMENT'],
    ['createdBy', { id: unknownId }],
    ['organizationId', unknownId],
    ['grants', {}],
    ['constructor', 1],
  ])('A-05 a body with `%s` is refused and names the field', async (field, value) => {
    const refused = await server.call(owner, 'POST', '/tokens', newToken({ [field]: value }));
    expect(refused.status).toBe(400);
    expect(refused.body).toMatchObject({ code: 'invalid_request', fieldErrors: [{ code: 'unknown_field', field }] });
  });

  test('A-07 variants of a role name are no role', async () => {
    for (const role of [
      'deployment_admin',
      'DEPLOYMENT_ADMIN ',
      ' DEPLOYMENT_ADMIN',
      'DEPLOYMENT\u200b_ADMIN',
      'ＤEPLOYMENT_ADMIN',
      'toString',
      'WORKSPACE_OWNER',
    ]) {
      const refused = await server.call(owner, 'POST', '/tokens', newToken({ role }));
      expect([role, refused.status, refused.body.code]).toEqual([role, 400, 'role_unknown']);
    }
  });

  test('names are unique in their home, and a duplicate is a 409 that says whose it is', async () => {
    const first = await create();
    const second = await server.call(owner, 'POST', '/tokens', newToken({ name: '  ci ' }));
    expect(second.status).toBe(409);
    expect(second.body).toMatchObject({ code: 'name_taken', message: `Token ${first.id} is already named "ci".` });
    await create({ name: 'CI' });
    await create({ entityId: await server.makeDeployment('second') });
    expect((await server.call(owner, 'DELETE', `/tokens/${first.id}`)).status).toBe(204);
    await create();
  });

  test('a home that is not there, or in another place, is a 404', async () => {
    for (const entityId of [unknownId, server.workspaceId, 'x', '../..']) {
      expect((await server.call(owner, 'POST', '/tokens', newToken({ entityId }))).body).toMatchObject({ code: 'deployment_not_found' });
    }
    const inWorkspace = { scope: 'WORKSPACE', role: 'WORKSPACE_OWNER', entityId: server.deploymentId };
    expect((await server.call(owner, 'POST', '/tokens', newToken(inWorkspace))).body).toMatchObject({ code: 'workspace_not_found' });
    expect((await server.call(owner, 'POST', `/v1/organizations/${unknownId}/tokens`, newToken())).body).toMatchObject({
      code: 'organization_not_found',
    });
  });

  test('v1beta1 takes `type`, and both versions answer both', async () => {
    const { scope, ...body } = newToken();
    for (const base of ['/iam/v1beta1', '/platform/v1beta1']) {
      const created = await server.call(owner, 'POST', `${base}/organizations/${server.organizationId}/tokens`, {
        ...body,
        name: base,
        type: scope,
      });
      expect([created.status, created.body.type, created.body.scope]).toEqual([200, 'DEPLOYMENT', 'DEPLOYMENT']);
      const refused = await server.call(owner, 'POST', `${base}/organizations/${server.organizationId}/tokens`, newToken());
      expect(refused.status).toBe(400);
    }
  });
});

describe('one token', () => {
  test('an id of another shape is the same 404 as an unknown one', async () => {
    const { body: none } = await server.call(owner, 'GET', `/tokens/${unknownId}`);
    for (const id of ['x', 'CM0ZZZZZZZZZZZZZZZZZZZZZZ', '%00', '%F0%9F%98%80', `${unknownId}0`, "'or'1'='1"]) {
      for (const [method, path] of [
        ['GET', ''],
        ['DELETE', ''],
        ['POST', '/rotate'],
      ] as const) {
        const { status, body } = await server.call(owner, method, `/tokens/${id}${path}`);
        expect([id, status, body.code, body.message]).toEqual([id, 404, none.code, none.message]);
      }
    }
  });

  test('every valid token reads itself, with all its roles', async () => {
    for (const role of ['ORGANIZATION_MEMBER', 'WORKSPACE_ACCESSOR', 'DEPLOYMENT_ACCESSOR'] as const) {
      const token = await server.makeToken({ role });
      const own = await server.call(token.token, 'GET', `/tokens/${token.id}`);
      expect([own.status, own.body.roles]).toEqual([200, token.roles]);
      expect(await names('', token.token)).toEqual([token.name]);
    }
  });

  test('update changes name and description and nothing else', async () => {
    const { id } = await create({ description: 'for CI' });
    server.advance(1000);
    const renamed = await server.call(owner, 'POST', `/tokens/${id}`, { name: 'Ours' });
    expect(renamed.body).toMatchObject({ name: 'Ours', description: 'for CI', updatedAt: new Date(testEpoch + 1000).toISOString() });
    const described = await server.call(owner, 'POST', `/tokens/${id}`, { name: 'Ours', description: '' });
    expect(described.body).toMatchObject({ name: 'Ours', description: '' });
    expect((await server.call(owner, 'POST', `/tokens/${id}`, { name: 'Ours', tokenExpiryPeriodInDays: 5 })).status).toBe(400);
    await create({ name: 'other' });
    expect((await server.call(owner, 'POST', `/tokens/${id}`, { name: 'other' })).body.code).toBe('name_taken');
    expect((await server.call(owner, 'POST', `/tokens/${id}`, { name: 'Ours' })).status).toBe(200);
  });

  test('V-10 a deleted token is gone at once, and a second delete is a 404', async () => {
    const { id, token } = await create();
    const deleted = await server.call(owner, 'DELETE', `/tokens/${id}`);
    expect([deleted.status, deleted.body]).toEqual([204, undefined]);
    expect((await server.call(token, 'GET', `/tokens/${id}`)).status).toBe(401);
    for (const [method, path, body] of [
      ['GET', '', undefined],
      ['DELETE', '', undefined],
      ['POST', '', { name: 'x' }],
      ['POST', '/rotate', undefined],
      ['POST', '/roles', { roles: [] }],
    ] as const) {
      expect((await server.call(owner, method, `/tokens/${id}${path}`, body)).body).toMatchObject({ code: 'token_not_found' });
    }
    expect(await names()).not.toContain('ci');
  });

  test('V-09 ending a token needs its id only', async () => {
    const token = await server.makeToken({ role: 'DEPLOYMENT_ADMIN' });
    const manager = await server.makeToken({ role: 'WORKSPACE_OWNER' });
    expect((await server.call(manager.token, 'DELETE', `/tokens/${token.id}`)).status).toBe(204);
    expect((await server.call(token.token, 'GET', '/tokens')).status).toBe(401);
  });
});

describe('list', () => {
  test('newest first, 20 unless asked, and an offset past the end is an empty page', async () => {
    for (let i = 1; i <= 25; i++) {
      server.advance(1);
      await create({ name: `n${i}` });
    }
    expect((await names()).slice(0, 2)).toEqual(['n25', 'n24']);
    const page = await server.call(owner, 'GET', '/tokens?offset=25&limit=1000');
    expect(page.body).toMatchObject({ limit: 1000, offset: 25, totalCount: 27 });
    expect(page.body.tokens).toHaveLength(2);
    const past = await server.call(owner, 'GET', '/tokens?offset=1000');
    expect([past.status, past.body]).toEqual([200, { tokens: [], limit: 20, offset: 1000, totalCount: 27 }]);
    expect((await server.call(owner, 'GET', '/tokens?limit=0')).body).toEqual({ tokens: [], limit: 0, offset: 0, totalCount: 27 });
    for (const query of [
      'limit=1001',
      'limit=-1',
      'offset=-1',
      'limit=x',
      'sorts=id:asc',
      'unknown=1',
      'includeOnlyOrganizationTokens=1',
    ]) {
      expect((await server.call(owner, 'GET', `/tokens?${query}`)).status).toBe(400);
    }
  });

  test('sorts by what is asked, byte for byte', async () => {
    for (const name of ['b', 'B', 'a', 'ä']) await create({ name, description: name === 'a' ? 'z' : 'y' });
    const only = `&deploymentId=${server.deploymentId}`;
    expect(await names(`?sorts=name:asc${only}`)).toEqual(['B', 'a', 'b', 'ä']);
    expect(await names(`?sorts=description:desc&sorts=name:desc${only}`)).toEqual(['a', 'ä', 'b', 'B']);
    expect(await names(`?sorts=createdAt:asc&sorts=tokenStartAt:asc&sorts=updatedAt:desc&limit=1${only}`)).toHaveLength(1);
  });

  test('filters find native and assigned tokens', async () => {
    const { deploymentId, workspaceId } = server;
    const other = await server.makeDeployment('second');
    await server.makeToken({ role: 'DEPLOYMENT_ADMIN', name: 'own' });
    await server.makeToken({ role: 'DEPLOYMENT_ADMIN', entityId: other, name: 'elsewhere' });
    await server.makeToken({ role: 'DEPLOYMENT_ADMIN', kind: 'DIRECT_ACCESS', days: 30, name: 'direct' });
    const workspace = await server.makeToken({ role: 'WORKSPACE_AUTHOR', name: 'workspace' });
    const organization = await server.makeToken({ role: 'ORGANIZATION_MEMBER', name: 'organization' });
    const tagged = await server.makeToken({ role: 'WORKSPACE_ACCESSOR', name: 'tagged' });
    await server.assign(workspace, [{ entityType: 'DEPLOYMENT', entityId: deploymentId, role: 'DEPLOYMENT_ADMIN' }]);
    await server.assign(organization, [
      { entityType: 'WORKSPACE', entityId: workspaceId, role: 'WORKSPACE_MEMBER' },
      { entityType: 'DAG', entityId: 'sales', role: 'DAG_VIEWER', deploymentId: other },
    ]);
    await server.assign(tagged, [{ entityType: 'DAG_TAG', entityId: 'finance', role: 'DAG_AUTHOR', deploymentId }]);
    const sorted = async (query: string) => (await names(`?sorts=name:asc&${query}`)).join(' ');
    expect(await sorted(`deploymentId=${deploymentId}`)).toBe('direct own tagged workspace');
    expect(await sorted(`deploymentId=${other}`)).toBe('elsewhere organization');
    expect(await sorted(`workspaceId=${workspaceId}`)).toBe('organization tagged workspace');
    expect(await sorted(`workspaceId=${workspaceId}&deploymentId=${deploymentId}`)).toBe('tagged workspace');
    expect(await sorted('includeOnlyOrganizationTokens=true')).toBe('Owner organization owner of the test');
    expect(await sorted(`includeOnlyOrganizationTokens=false&workspaceId=${workspaceId}`)).toBe('organization tagged workspace');
    expect(await sorted('kind=DIRECT_ACCESS')).toBe('direct');
    expect(await sorted('dagId=sales')).toBe('organization');
    expect(await sorted(`dagId=sales&deploymentId=${deploymentId}`)).toBe('');
    expect(await sorted('dagTags=finance&dagTags=x')).toBe('tagged');
    expect(await sorted(`dagId=sales&dagTags=finance&deploymentId=${deploymentId}`)).toBe('tagged');
    expect(await sorted('dagId=sales&dagTags=finance')).toBe('organization tagged');
    expect(await sorted(`workspaceId=${unknownId}`)).toBe('');
  });
});
