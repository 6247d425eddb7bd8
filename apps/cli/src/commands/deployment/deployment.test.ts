/** Options → calls and output of `astro deployment list | create | inspect | delete`. */
import { describe, expect, test } from 'vitest';
import { apiToken, astro, deployment, deploymentId, organizationId, page, startApi, workspaceId } from '../../test-support.ts';

const organizationToken = { ASTRO_API_TOKEN: apiToken({ permissions: [`organizationId:${organizationId}`] }) };
const header =
  ' NAME           NAMESPACE          CLUSTER     CLOUD PROVIDER     REGION     DEPLOYMENT ID                 RUNTIME VERSION                    DAG DEPLOY ENABLED     CI-CD ENFORCEMENT     DEPLOYMENT TYPE     REMOTE EXECUTION     \n';
const row =
  ' production     clear-sky-1234     N/A         N/A                N/A        cm0dep0000000000000000001     3.3-2 (based on Airflow 3.3.2)     false                  false                 STANDARD            false                \n';

describe('list', () => {
  test('the table of the workspace of the token, names descending', async () => {
    const api = await startApi({ 'GET /deployments': page('deployments', [deployment({ name: 'a' }), deployment()]) });
    const { code, stdout } = await astro(['deployment', 'list'], { api });
    expect(code).toBe(0);
    expect(stdout.startsWith(header + row)).toBe(true);
    expect(api.calls()).toEqual([`GET /deployments?workspaceIds=${workspaceId}&limit=1000&offset=0`]);
  });

  test('--all asks for every workspace and names them', async () => {
    const api = await startApi({ 'GET /deployments': page('deployments', [deployment()]) });
    expect((await astro(['deployment', 'list', '--all'], { api })).stdout).toMatch(
      /^ NAME +WORKSPACE +NAMESPACE .*\n production +data +clear/,
    );
    expect(api.calls()).toEqual(['GET /deployments?limit=1000&offset=0']);
  });

  test('--json has the members that scripts know', async () => {
    const api = await startApi({ 'GET /deployments': page('deployments', [deployment()]) });
    expect(JSON.parse((await astro(['deployment', 'list', '--json'], { api })).stdout)).toEqual({
      deployments: [
        {
          name: 'production',
          workspaceName: 'data',
          namespace: 'clear-sky-1234',
          deploymentId,
          runtimeVersion: '3.3-2',
          airflowVersion: '3.3.2',
          isDagDeployEnabled: false,
          isCicdEnforced: false,
          type: 'STANDARD',
          isRemoteExecutionEnabled: false,
        },
      ],
    });
  });

  test('none is success and says so', async () => {
    const api = await startApi({ 'GET /deployments': page('deployments', []) });
    const ended = await astro(['deployment', 'list', '--json'], { api });
    expect(ended).toMatchObject({ code: 0, stdout: '{\n  "deployments": []\n}\n' });
    expect(ended.stderr).toContain(`no Deployments found in workspace ${workspaceId}`);
  });
});

describe('the workspace, for a token of the organization', () => {
  const created = { 'POST /deployments': { body: deployment() } };

  test('the only one is taken, with a notice', async () => {
    const api = await startApi({ ...created, 'GET /workspaces': page('workspaces', [{ id: 'w1', name: 'data' }]) });
    const ended = await astro(['deployment', 'create', '-n', 'x'], { api, env: organizationToken });
    expect(ended).toMatchObject({ code: 0, stderr: expect.stringContaining('Only one workspace was found. Using data (w1).') });
    expect(api.asked.at(-1)?.body).toEqual({ name: 'x', workspaceId: 'w1' });
  });

  test('of several none is taken', async () => {
    const workspaces = [
      { id: 'w1', name: 'data' },
      { id: 'w2', name: 'ml' },
    ];
    const api = await startApi({ ...created, 'GET /workspaces': page('workspaces', workspaces) });
    const ended = await astro(['deployment', 'create', '-n', 'x'], { api, env: organizationToken });
    expect(ended).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/Name one with --workspace-id:\n {2}w1 \(data\)\n {2}w2 \(ml\)/),
    });
  });
});

describe('create', () => {
  const create = ['deployment', 'create', '-n', 'production', '-d', 'text', '--airflow-url', 'http://127.0.0.1:8080', '-w', 'W9'];

  test('one call, the table, the id, and silence about the token', async () => {
    const api = await startApi({ 'POST /deployments': { body: deployment() } });
    const { code, stdout, stderr } = await astro(create, { api });
    expect(code).toBe(0);
    expect(stdout).toBe(
      `${header}${row}\n Successfully created Deployment: production\n Deployment ID: ${deploymentId}\n Airflow: 127.0.0.1:8080\n`,
    );
    expect(stderr).not.toContain('Using an Astro API Token');
    expect(api.asked.map((one) => one.body)).toEqual([
      { name: 'production', workspaceId: 'w9', description: 'text', airflowUrl: 'http://127.0.0.1:8080' },
    ]);
  });

  test('--clean-output is the id alone, --json the object', async () => {
    const api = await startApi({ 'POST /deployments': { body: deployment() } });
    expect((await astro([...create, '--clean-output'], { api })).stdout).toBe(`${deploymentId}\n`);
    expect(JSON.parse((await astro([...create, '--json'], { api })).stdout)).toEqual(deployment());
  });
});

describe('inspect', () => {
  const routes = { [`GET /deployments/${deploymentId}`]: { body: deployment({ description: 'say: "hi"' }) } };
  const inspect = ['deployment', 'inspect', deploymentId];

  test('YAML', async () => {
    const { stdout } = await astro(inspect, { api: await startApi(routes) });
    expect(stdout).toContain(
      'deployment:\n  environment_variables: []\n  configuration:\n    name: production\n    description: "say: \\"hi\\""\n',
    );
    expect(stdout).toContain(`  metadata:\n    deployment_id: ${deploymentId}\n`);
  });

  test('JSON, indented by four', async () => {
    const { stdout } = await astro([...inspect, '-o', 'json'], { api: await startApi(routes) });
    expect(stdout).toContain('{\n    "deployment": {\n        "environment_variables": [],');
    expect(JSON.parse(stdout).deployment.configuration).toMatchObject({ deployment_type: 'STANDARD', dag_deploy_enabled: false });
  });

  test.each([
    ['metadata.status', 'HEALTHY\n'],
    ['configuration.is_high_availability', 'false\n'],
    ['alert_emails', '[]\n'],
  ])('--key %s', async (key, stdout) => {
    expect(await astro([...inspect, '-k', key], { api: await startApi(routes) })).toMatchObject({ code: 0, stdout, stderr: '' });
  });

  test('a key that is not there', async () => {
    const ended = await astro([...inspect, '-k', 'metadata.toString'], { api: await startApi(routes) });
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('requested key metadata.toString not found in deployment') });
  });

  test('by name, and the only one by default', async () => {
    const api = await startApi({ ...routes, 'GET /deployments': page('deployments', [deployment()]) });
    expect(await astro(['deployment', 'inspect', '-n', 'production', '-k', 'metadata.status'], { api })).toMatchObject({
      stdout: 'HEALTHY\n',
    });
    const ended = await astro(['deployment', 'inspect', '-k', 'metadata.status'], { api });
    expect(ended).toMatchObject({ stdout: 'HEALTHY\n', stderr: expect.stringContaining('Only one Deployment was found.') });
    expect(await astro(['deployment', 'inspect', '-n', 'nope'], { api })).toMatchObject({ code: 1 });
  });
});

test('delete asks, and declining is no failure', async () => {
  const one = `/deployments/${deploymentId}`;
  const api = await startApi({ [`GET ${one}`]: { body: deployment() }, [`DELETE ${one}`]: { status: 204 } });
  const remove = ['deployment', 'delete', deploymentId];
  expect(await astro(remove, { api, input: 'n\n' })).toMatchObject({ code: 0, stdout: 'Canceling deployment deletion\n' });
  expect(api.calls()).toEqual([`GET ${one}`]);
  expect(await astro([...remove, '-f'], { api })).toMatchObject({ code: 0, stdout: '\nSuccessfully deleted deployment production\n' });
  expect(api.calls().at(-1)).toBe(`DELETE ${one}`);
});
