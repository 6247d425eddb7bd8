import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';

let server: TestServer;
let path: string;
beforeAll(async () => {
  server = await startTestServer();
  path = `/v1/organizations/${server.organizationId}/deployments`;
});
afterAll(() => server.close());

const owner = (method: 'GET' | 'POST' | 'DELETE', tail: string, body?: unknown) =>
  server.call(server.ownerToken, method, path + tail, body);

const bodiesInFeed = async (deploymentId: string): Promise<{ kind: string; [member: string]: unknown }[]> => {
  const rows = await server.deps.read
    .selectFrom('change')
    .selectAll()
    .where('deploymentId', '=', deploymentId)
    .orderBy('sequence')
    .execute();
  return rows.map((row) => JSON.parse(row.body));
};

/** api.md 3.3 'Required', and what cli.md 8.2 and 8.4 say must not be null. */
const always =
  `id name workspaceId organizationId namespace status createdAt createdBy updatedAt updatedBy airflowVersion astroRuntimeVersion
  runtimeVersion imageRepository imageTag isCicdEnforced isDagDeployEnabled schedulerCpu schedulerMemory schedulerReplicas webServerCpu
  webServerMemory webServerUrl webServerIngressHostname webServerAirflowApiUrl apiUrl uiUrl type workspaceName executor isHighAvailability
  isDevelopmentMode contactEmails environmentVariables`.split(/\s+/);
const alwaysHosted = ['schedulerSize', 'defaultTaskPodCpu', 'defaultTaskPodMemory', 'resourceQuotaCpu', 'resourceQuotaMemory'];

describe('a Deployment from a name and a workspace', () => {
  test('has every field that clients read without asking', async () => {
    const { status, body } = await owner('POST', '', { name: 'Orders', workspaceId: server.workspaceId });
    expect(status).toBe(200);
    for (const field of [...always, ...alwaysHosted]) expect(body, field).toHaveProperty(field);
    for (const value of Object.values(body)) expect(value).not.toBeNull();
    expect(body).toMatchObject({ type: 'STANDARD', workspaceName: 'My Workspace', contactEmails: [], environmentVariables: [] });
    expect(body.workerQueues).toMatchObject([{ name: 'default', isDefault: true, astroMachine: 'A5', podCpu: '1', podMemory: '2Gi' }]);
    expect(body).not.toHaveProperty('clusterId'); // clients would ask for the cluster
    expect(body).not.toHaveProperty('scalingSpec');
    expect(body).not.toHaveProperty('remoteExecution');
    expect((await owner('GET', `/${body.id}`)).body).toEqual(body);
  });

  test('has a namespace of words and digits that never changes', async () => {
    const { body } = await owner('POST', '', { name: 'Named', workspaceId: server.workspaceId });
    expect(body.namespace).toMatch(/^[a-z]+-[a-z]+-\d{4}$/);
    await owner('POST', `/${body.id}`, { name: 'Renamed' });
    expect((await owner('GET', `/${body.id}`)).body.namespace).toBe(body.namespace);
  });

  test('begins its feed with its place and the keys; a new name is one entry more, other changes are none of a gateway’s business', async () => {
    const { body } = await owner('POST', '', { name: 'Fed', workspaceId: server.workspaceId });
    expect(await bodiesInFeed(body.id)).toMatchObject([{ kind: 'deployment', id: body.id, name: 'Fed' }, { kind: 'keys' }]);
    await owner('POST', `/${body.id}`, { description: 'quiet' });
    expect(await bodiesInFeed(body.id)).toHaveLength(2);
    await owner('POST', `/${body.id}`, { name: 'Fed well' });
    expect(await bodiesInFeed(body.id)).toContainEqual(expect.objectContaining({ kind: 'deployment', name: 'Fed well' }));
  });

  test('takes code from tokens only where its workspace says so', async () => {
    const { body: strict } = await server.call(server.ownerToken, 'POST', path.replace('/deployments', '/workspaces'), {
      name: 'strict',
      cicdEnforcedDefault: true,
    });
    expect((await owner('POST', '', { name: 'a', workspaceId: strict.id })).body.isCicdEnforced).toBe(true);
    expect((await owner('POST', '', { name: 'b', workspaceId: strict.id, isCicdEnforced: false })).body.isCicdEnforced).toBe(false);
  });
});

describe('addresses', () => {
  test('programs find nothing before a gateway is enrolled, never Airflow itself; people find Airflow', async () => {
    const { body } = await owner('POST', '', {
      name: 'a',
      workspaceId: server.workspaceId,
      airflowUrl: 'https://airflow.example.org/orders/',
    });
    expect(body).toMatchObject({
      apiUrl: '',
      webServerAirflowApiUrl: '',
      uiUrl: 'https://airflow.example.org/orders',
      webServerUrl: 'airflow.example.org/orders',
      airflowUrl: 'https://airflow.example.org/orders',
    });
    expect(JSON.stringify(body)).toContain('No gateway is enrolled yet.');
  });

  test('the gateway is named by apiUrl with and webServerAirflowApiUrl without a scheme', async () => {
    const id = await server.makeDeployment('fronted');
    const { status, body } = await owner('POST', `/${id}/gateway`, { gatewayUrl: 'https://gateway.example.org:8889/' });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      gatewayUrl: 'https://gateway.example.org:8889',
      apiUrl: 'https://gateway.example.org:8889/api/v2',
      webServerAirflowApiUrl: 'gateway.example.org:8889/api/v2',
      webServerIngressHostname: 'gateway.example.org',
    });
    expect(body).not.toHaveProperty('statusReason');
    expect((await owner('GET', `/${id}`)).body).toEqual(body);
  });

  test('A-04 setting it needs the right to make agent tokens, which built-in Deployment roles do not give to tokens', async () => {
    const gatewayUrl = 'https://elsewhere.example.org';
    const { token: admin } = await server.makeToken({ role: 'DEPLOYMENT_ADMIN' });
    expect(await server.call(admin, 'POST', `${path}/${server.deploymentId}/gateway`, { gatewayUrl })).toMatchObject({
      status: 403,
      body: { code: 'permission_denied' },
    });
    const { token: operator } = await server.makeToken({ role: 'WORKSPACE_OPERATOR' });
    expect((await server.call(operator, 'POST', `${path}/${server.deploymentId}/gateway`, { gatewayUrl })).status).toBe(200);
    for (const bad of ['ftp://x', 'https://u:p@x', 'x', 'https://x/?a']) {
      expect((await server.call(operator, 'POST', `${path}/${server.deploymentId}/gateway`, { gatewayUrl: bad })).status, bad).toBe(400);
    }
  });

  test('the image registry that clients sign in to can never exist', async () => {
    const { body } = await owner('GET', `/${server.deploymentId}`);
    expect(body.imageRepository).toMatch(/^registry\.invalid\//);
  });
});

describe('what cannot change is refused with its name', () => {
  test.each([
    ['type', { type: 'HYBRID' }],
    ['isDevelopmentMode', { isDevelopmentMode: true }],
    ['workspaceId', { workspaceId: 'cm0wsp0000000000000000001' }],
    ['clusterId', { clusterId: 'cm0clu0000000000000000001' }],
    ['astroRuntimeVersion', { astroRuntimeVersion: '3.2-1' }],
    ['workerQueues', { workerQueues: [{ name: 'big', isDefault: false, minWorkerCount: 0, maxWorkerCount: 1, workerConcurrency: 1 }] }],
  ])('%s', async (field, change) => {
    const { status, body } = await owner('POST', `/${server.deploymentId}`, change);
    expect([status, body.fieldErrors?.[0]?.field]).toEqual([400, field]);
  });
});

describe('the end of a Deployment', () => {
  test('A-10 its tokens end with it, its gateway hears that last, and one of the same name revives none', async () => {
    const id = await server.makeDeployment('ending');
    const own = await server.makeToken({ role: 'DEPLOYMENT_ADMIN', entityId: id });
    expect((await server.call(own.token, 'GET', `${path}/${id}`)).status).toBe(200);
    expect((await owner('DELETE', `/${id}`)).status).toBe(204);
    const feed = await bodiesInFeed(id);
    expect(feed.at(-1)).toMatchObject({ kind: 'end', reason: 'deployment_deleted' });
    expect(feed).toContainEqual(expect.objectContaining({ kind: 'token-gone', id: own.id }));
    await server.makeDeployment('ending');
    expect((await server.call(own.token, 'GET', `${path}/${id}`)).status).toBe(401);
    expect((await owner('GET', '?names=ending')).body.totalCount).toBe(1);
  });

  test('U-05 nothing of it happens when the caller may not', async () => {
    const { token } = await server.makeToken({ role: 'WORKSPACE_AUTHOR' });
    const before = await bodiesInFeed(server.deploymentId);
    expect((await server.call(token, 'DELETE', `${path}/${server.deploymentId}`)).status).toBe(403);
    expect(await bodiesInFeed(server.deploymentId)).toEqual(before);
    expect((await owner('GET', `/${server.deploymentId}`)).status).toBe(200);
  });
});

describe('lists', () => {
  test('show what the caller has a role on, by workspace, by Deployment, everywhere', async () => {
    const elsewhere = await server.makeWorkspace('elsewhere');
    const far = await server.makeDeployment('far', elsewhere);
    const near = await server.makeDeployment('near');
    const ids = async (token: string, query = 'limit=1000') =>
      (await server.call(token, 'GET', `${path}?${query}`)).body.deployments.map((deployment: { id: string }) => deployment.id);
    const workspaceToken = await server.makeToken({ role: 'WORKSPACE_MEMBER', entityId: elsewhere });
    const deploymentToken = await server.makeToken({ role: 'DEPLOYMENT_ACCESSOR', entityId: near });
    const member = await server.makeToken({ role: 'ORGANIZATION_MEMBER' });
    expect(await ids(workspaceToken.token)).toEqual([far]);
    expect(await ids(deploymentToken.token)).toEqual([near]);
    expect(await ids(member.token)).toEqual([]);
    expect(await ids(server.ownerToken)).toEqual(expect.arrayContaining([far, near]));
    expect(await ids(workspaceToken.token, `deploymentIds=${near}&deploymentIds=${far}`)).toEqual([far]);
    expect(await ids(server.ownerToken, `workspaceIds=${elsewhere}`)).toEqual([far]);
    await server.assign(member, [
      { entityType: 'WORKSPACE', entityId: elsewhere, role: 'WORKSPACE_MEMBER' },
      { entityType: 'DEPLOYMENT', entityId: near, role: 'DEPLOYMENT_ACCESSOR' },
    ]);
    expect(await ids(member.token, 'sorts=name:asc')).toEqual([far, near]);
  });

  test('ids without a limit are all answered, and the whole list pages to its end as clients page', async () => {
    const ids: string[] = [];
    for (let number = 0; number < 23; number++) ids.push(await server.makeDeployment(`page ${number}`));
    const { body } = await owner('GET', `?${ids.map((id) => `deploymentIds=${id}`).join('&')}`);
    expect(body.deployments).toHaveLength(23);
    const seen: string[] = [];
    for (let offset = 0; ; offset += 10) {
      const page = (await owner('GET', `?limit=10&offset=${offset}&sorts=createdAt:asc`)).body;
      seen.push(...page.deployments.map((deployment: { id: string }) => deployment.id));
      if (page.totalCount <= offset) break;
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toEqual(expect.arrayContaining(ids));
  });
});

describe('who may', () => {
  test('create: the Operator and the Owner of the workspace; it is not there for whoever does not see it', async () => {
    const create = async (token: string) => (await server.call(token, 'POST', path, { name: 'x', workspaceId: server.workspaceId })).status;
    const statuses: Record<string, number> = {};
    for (const role of ['WORKSPACE_OWNER', 'WORKSPACE_OPERATOR', 'WORKSPACE_AUTHOR', 'DEPLOYMENT_ADMIN', 'ORGANIZATION_MEMBER'] as const) {
      statuses[role] = await create((await server.makeToken({ role })).token);
    }
    expect(statuses).toEqual({
      WORKSPACE_OWNER: 200,
      WORKSPACE_OPERATOR: 200,
      WORKSPACE_AUTHOR: 403,
      DEPLOYMENT_ADMIN: 404,
      ORGANIZATION_MEMBER: 404,
    });
    expect((await owner('POST', '', { name: 'x', workspaceId: 'cm0wsp0000000000000000001' })).body.code).toBe('workspace_not_found');
  });

  test('A-02 not allowed to see equals not there: same status, same body', async () => {
    const { token } = await server.makeToken({ role: 'WORKSPACE_OWNER', entityId: await server.makeWorkspace('other') });
    const bodyOf = async (id: string, method: 'GET' | 'POST' | 'DELETE', body?: unknown) => {
      const answer = await server.call(token, method, `${path}/${id}`, body);
      return { status: answer.status, body: { ...answer.body, requestId: '' } };
    };
    for (const [method, body] of [['GET'], ['DELETE'], ['POST', { name: 'taken over' }]] as const) {
      const hidden = await bodyOf(server.deploymentId, method, body);
      expect(hidden.status).toBe(404);
      expect(hidden).toEqual(await bodyOf('cm0dep0000000000000000001', method, body));
      expect(hidden).toEqual(await bodyOf('not-an-id', method, body));
    }
  });
});
