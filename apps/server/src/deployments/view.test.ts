import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';

let server: TestServer;
let path: string;
beforeAll(async () => {
  server = await startTestServer();
  path = `/v1/organizations/${server.organizationId}/deployments`;
});
afterAll(() => server.close());

/** api.md 3.3 'Required', and what cli.md 8.2 and 8.4 say must not be null. */
const always =
  `id name workspaceId organizationId namespace status createdAt createdBy updatedAt updatedBy airflowVersion astroRuntimeVersion
  runtimeVersion imageRepository imageTag isCicdEnforced isDagDeployEnabled schedulerCpu schedulerMemory schedulerReplicas webServerCpu
  webServerMemory webServerUrl webServerIngressHostname webServerAirflowApiUrl apiUrl uiUrl type workspaceName executor isHighAvailability
  isDevelopmentMode contactEmails environmentVariables`.split(/\s+/);
const alwaysHosted = ['schedulerSize', 'defaultTaskPodCpu', 'defaultTaskPodMemory', 'resourceQuotaCpu', 'resourceQuotaMemory'];

describe('as the Terraform provider does it', () => {
  const queue = { name: 'default', isDefault: true, minWorkerCount: 0, maxWorkerCount: 1, workerConcurrency: 1, astroMachine: 'A10' };
  const standard = () => ({
    name: 'tf',
    description: 'made by Terraform',
    type: 'STANDARD',
    astroRuntimeVersion: '3.3-2',
    executor: 'CELERY',
    isCicdEnforced: true,
    isDagDeployEnabled: true,
    isHighAvailability: false,
    isDevelopmentMode: true,
    schedulerSize: 'MEDIUM',
    defaultTaskPodCpu: '0.5',
    defaultTaskPodMemory: '1Gi',
    resourceQuotaCpu: '20',
    resourceQuotaMemory: '40Gi',
    cloudProvider: 'AWS',
    region: 'us-east-1',
    workspaceId: server.workspaceId,
    workerQueues: [queue],
    contactEmails: [],
    environmentVariables: [{ key: 'UNSET', isSecret: false }],
    scalingSpec: {
      hibernationSpec: {
        schedules: [{ hibernateAtCron: '0 20 * * *', wakeAtCron: '0 7 * * *', isEnabled: true }],
        override: { isHibernating: true, overrideUntil: '2027-02-01T01:00:00+02:00' },
      },
    },
  });
  const change = () => {
    const { astroRuntimeVersion: _1, cloudProvider: _2, region: _3, ...rest } = standard();
    return rest;
  };
  const beta = (method: 'GET' | 'POST' | 'DELETE', tail: string, body?: unknown) =>
    server.call(server.ownerToken, method, path.replace('/v1', '/platform/v1beta1') + tail, body);

  test('options first: an empty cloud provider is fine, and the newest runtime is the first', async () => {
    const options = path.replace('/deployments', '/deployment-options');
    for (const query of ['', '?deploymentType=HYBRID&executor=CELERY&cloudProvider=', '?cloudProvider=AZURE&deploymentType=STANDARD']) {
      const { status, body } = await server.call(server.ownerToken, 'GET', options + query);
      expect([status, body.runtimeReleases[0].version], query).toEqual([200, '3.3-2']);
      expect(body.resourceQuotas.defaultPodSize.cpu).toEqual({ floor: '0.25', ceiling: '8', default: '0.25' });
      expect(body.workerMachines[0]).toMatchObject({ name: 'A5', concurrency: { default: 5 }, spec: { cpu: '1', memory: '2Gi' } });
    }
    expect((await server.call(server.ownerToken, 'GET', `${options}?executor=NONE`)).status).toBe(400);
  });

  test('what was sent is what is read, so that no plan shows drift', async () => {
    const sent = standard();
    const made = await beta('POST', '', sent);
    expect(made.status).toBe(200);
    const { scalingSpec, workerQueues, environmentVariables, ...plain } = sent;
    expect(made.body).toMatchObject(plain);
    expect(made.body.workerQueues).toMatchObject(workerQueues);
    expect(made.body.scalingSpec.hibernationSpec).toMatchObject(scalingSpec.hibernationSpec);
    expect(made.body.environmentVariables).toMatchObject(environmentVariables);
    expect(made.body.airflowVersion).toBe('3.3.2');
    expect((await beta('GET', `/${made.body.id}`)).body).toEqual(made.body);
    const [before] = made.body.workerQueues;
    const updated = await beta('POST', `/${made.body.id}`, {
      ...change(),
      workerQueues: [queue, { ...queue, name: 'big', isDefault: false }],
    });
    expect(updated.status).toBe(200);
    expect(updated.body.workerQueues.map((q: { id: string; name: string }) => [q.name, q.id === before.id])).toEqual([
      ['default', true], // matched by name: Terraform sends no ids
      ['big', false],
    ]);
    const cleared = await beta('POST', `/${made.body.id}`, { ...change(), scalingSpec: {}, isDevelopmentMode: true });
    expect(cleared.body).not.toHaveProperty('scalingSpec');
    expect((await beta('DELETE', `/${made.body.id}`)).status).toBe(204);
    expect((await beta('GET', `/${made.body.id}`)).status).toBe(404);
    expect((await beta('DELETE', `/${made.body.id}`)).status).toBe(404);
  });

  test('no worker queues with the Kubernetes executor, remote execution only when it is on', async () => {
    const { workerQueues: _, ...rest } = standard();
    const { body } = await beta('POST', '', {
      ...rest,
      executor: 'KUBERNETES',
      remoteExecution: { enabled: true, taskLogBucket: 's3://x' },
    });
    expect(body).not.toHaveProperty('workerQueues');
    expect(body.remoteExecution).toEqual({ enabled: true, allowedIpAddressRanges: [], remoteApiUrl: '', taskLogBucket: 's3://x' });
    const { body: off } = await beta('POST', `/${body.id}`, { remoteExecution: { enabled: false } });
    expect(off).not.toHaveProperty('remoteExecution');
  });

  test('hybrid and dedicated shapes have their own fields, and a cluster', async () => {
    const common = { name: 'h', workspaceId: server.workspaceId, clusterId: 'cm0clu0000000000000000001' };
    const { body: hybrid } = await beta('POST', '', { ...common, type: 'HYBRID', executor: 'CELERY', scheduler: { au: 10, replicas: 2 } });
    expect(hybrid).toMatchObject({ type: 'HYBRID', clusterId: common.clusterId, schedulerAu: 10, schedulerReplicas: 2, schedulerCpu: '1' });
    expect(hybrid.workerQueues[0]).toHaveProperty('nodePoolId');
    for (const field of [...always, 'clusterName']) expect(hybrid, field).toHaveProperty(field);
    const { body: dedicated } = await beta('POST', '', { ...common, type: 'DEDICATED' });
    for (const field of [...always, ...alwaysHosted, 'clusterName']) expect(dedicated, field).toHaveProperty(field);
    const { status, body } = await beta('POST', '', { name: 'h', workspaceId: server.workspaceId, type: 'DEDICATED' });
    expect([status, body.fieldErrors[0].field]).toEqual([400, 'clusterId']);
  });
});

describe('as the unmodified command line does it', () => {
  test('create, then add a variable and change a setting by sending everything back', async () => {
    const owner = (method: 'GET' | 'POST', tail: string, body?: unknown) => server.call(server.ownerToken, method, path + tail, body);
    expect((await owner('GET', '').then(() => server.call(server.ownerToken, 'GET', '/v1/organizations?limit=100&offset=0'))).status).toBe(
      200,
    );
    const made = await owner('POST', '', {
      astroRuntimeVersion: '3.3-2',
      cloudProvider: 'AZURE',
      description: '',
      name: 'from the command line',
      executor: 'ASTRO',
      isCicdEnforced: false,
      region: 'westeurope',
      isDagDeployEnabled: true,
      isHighAvailability: false,
      isDevelopmentMode: false,
      workspaceId: server.workspaceId,
      type: 'STANDARD',
      defaultTaskPodCpu: '0.25',
      defaultTaskPodMemory: '0.5Gi',
      resourceQuotaCpu: '10',
      resourceQuotaMemory: '20Gi',
    });
    expect(made.status).toBe(200);
    const { body: listed } = await owner('GET', `?limit=1000&offset=0&workspaceIds=${server.workspaceId}`);
    const current = listed.deployments.find((deployment: { id: string }) => deployment.id === made.body.id);
    const queues = current.workerQueues.map(({ podCpu: _1, podMemory: _2, ...queue }: Record<string, unknown>) => queue);
    const update = (environmentVariables: unknown[], more: object = {}) =>
      owner('POST', `/${current.id}`, {
        name: current.name,
        description: current.description,
        workspaceId: current.workspaceId,
        type: current.type,
        executor: current.executor,
        isCicdEnforced: current.isCicdEnforced,
        isDagDeployEnabled: current.isDagDeployEnabled,
        isHighAvailability: current.isHighAvailability,
        isDevelopmentMode: current.isDevelopmentMode,
        schedulerSize: current.schedulerSize,
        defaultTaskPodCpu: current.defaultTaskPodCpu,
        defaultTaskPodMemory: current.defaultTaskPodMemory,
        resourceQuotaCpu: current.resourceQuotaCpu,
        resourceQuotaMemory: current.resourceQuotaMemory,
        contactEmails: current.contactEmails,
        workerQueues: queues,
        environmentVariables,
        ...more,
      });
    await update([{ isSecret: true, key: 'SECRET', value: 'kept' }]);
    const changed = await update([{ isSecret: true, key: 'SECRET' }], { schedulerSize: 'LARGE' });
    expect(changed).toMatchObject({ status: 200, body: { schedulerSize: 'LARGE', schedulerCpu: '4' } });
    expect(changed.body.environmentVariables).toMatchObject([{ key: 'SECRET', isSecret: true }]);
    expect(changed.body.workerQueues).toEqual(current.workerQueues); // the same queue by its id
  });
});
