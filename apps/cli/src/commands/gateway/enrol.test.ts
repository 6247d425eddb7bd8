import { existsSync, mkdtempDisposableSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GatewayEnrolment } from '@astrolabe/contract';
import { describe, expect, test } from 'vitest';
import { astro, deploymentId, type FakeApi, organizationId, problem, type Routes, startApi, token } from '../../test-support.ts';

const tokens = `/deployments/${deploymentId}/agent-tokens`;
const gateway = `POST /deployments/${deploymentId}/gateway`;
const agentId = 'cm0agt0000000000000000001';
const secret = 's'.repeat(86);
const routes: Routes = {
  [`POST ${tokens}`]: { body: token({ id: agentId, kind: 'AGENT', token: 'agent.value.1' }) },
  [gateway]: { body: {} },
};

interface Place extends Disposable {
  readonly file: string;
  readonly data: string;
  readonly credential: string;
  enrol(api: FakeApi, ...flags: string[]): ReturnType<typeof astro>;
  written(): GatewayEnrolment;
}

function place(): Place {
  const temporary = mkdtempDisposableSync(join(tmpdir(), 'astro-'));
  const credential = join(temporary.path, 'gateway-credential.json');
  writeFileSync(credential, JSON.stringify({ way: 'shared-secret', secret }), { mode: 0o600 });
  const data = join(temporary.path, 'data');
  const file = join(data, 'gateway', 'gateway.json');
  const line = [
    'gateway',
    'enrol',
    '--deployment-id',
    deploymentId,
    '--airflow-url',
    'http://airflow:8080/',
    '--airflow-credential',
    credential,
  ];
  return {
    file,
    data,
    credential,
    enrol: (api, ...flags) => astro([...line, '--data', data, ...flags], { api }),
    written: () => GatewayEnrolment.parse(JSON.parse(readFileSync(file, 'utf8'))),
    [Symbol.dispose]: () => temporary.remove(),
  };
}

describe('gateway enrol', () => {
  test('makes an agent token, writes the file for its owner alone, tells the server the address', async () => {
    using here = place();
    const api = await startApi(routes);
    const ended = await here.enrol(api);
    expect(ended).toMatchObject({ code: 0, stdout: `The gateway of Deployment ${deploymentId} is enrolled: ${here.file}\n` });
    expect(ended.stderr).toContain(`astro deployment token create --deployment-id=${deploymentId}`);
    expect(ended.stderr + ended.stdout).not.toContain('agent.value.1');
    expect(api.calls()).toEqual([`POST ${tokens}`, gateway]);
    expect(api.asked[0]?.body).toEqual({
      name: expect.stringMatching(/^gateway .* 2026-11-26T12:00:00\.000Z$/),
      description: 'Gateway at http://127.0.0.1:8889',
    });
    expect(api.asked[1]?.body).toEqual({ gatewayUrl: 'http://127.0.0.1:8889' });
    expect(here.written()).toEqual({
      version: 1,
      deploymentId,
      organizationId,
      serverUrl: api.url,
      agentToken: 'agent.value.1',
      airflowUrl: 'http://airflow:8080',
      airflowCredential: { way: 'shared-secret', secret, audience: 'apache-airflow' },
    });
    expect([statSync(here.file).mode & 0o777, statSync(join(here.data, 'gateway')).mode & 0o777]).toEqual([0o600, 0o700]);
    expect(readdirSync(join(here.data, 'gateway'))).toEqual(['gateway.json']);
  });

  test('when the last step fails, running it again goes on with the same agent token', async () => {
    using here = place();
    const broken = await startApi({ ...routes, [gateway]: problem('internal') });
    const ended = await here.enrol(broken);
    expect(ended).toMatchObject({ code: 1, stdout: '' });
    expect(ended.stderr).toContain(`Done: ${here.file} is written`);
    expect(ended.stderr).toContain('run the same command again');
    expect(here.written().agentToken).toBe('agent.value.1');
    // the server of the second try is another one here, so the file is made to name it
    const api = await startApi(routes);
    writeFileSync(here.file, JSON.stringify({ ...here.written(), serverUrl: api.url }));
    expect(await here.enrol(api)).toMatchObject({ code: 0, stderr: expect.stringContaining('is kept') });
    expect(api.calls()).toEqual([gateway]);
    expect(here.written().agentToken).toBe('agent.value.1');
  });

  test('without an agent token nothing is written', async () => {
    using here = place();
    const api = await startApi({ [`POST ${tokens}`]: problem('permission_denied') });
    expect(await here.enrol(api)).toMatchObject({ code: 1, stderr: expect.stringContaining('Nothing was changed on this machine.') });
    expect(readdirSync(join(here.data, 'gateway'))).toEqual([]);
  });

  test('a folder that cannot be written stops it before a token is made', async () => {
    using here = place();
    writeFileSync(here.data, 'a file in the way');
    const api = await startApi(routes);
    expect(await here.enrol(api)).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot make the folder') });
    expect(api.asked).toEqual([]);
  });

  test('no data folder, and none named: the running gateway would never see the file', async () => {
    using here = place();
    using elsewhere = mkdtempDisposableSync(join(tmpdir(), 'astro-'));
    const api = await startApi(routes);
    const back = process.cwd();
    process.chdir(elsewhere.path);
    try {
      const line = [
        'gateway',
        'enrol',
        '--deployment-id',
        deploymentId,
        '--airflow-url',
        'http://a',
        '--airflow-credential',
        here.credential,
      ];
      expect(await astro(line, { api })).toMatchObject({ code: 1, stderr: expect.stringContaining('there is no data folder') });
    } finally {
      process.chdir(back);
    }
    expect([api.asked, readdirSync(elsewhere.path)]).toEqual([[], []]);
  });

  test('the gateway of another Deployment is replaced with --force only', async () => {
    using here = place();
    const api = await startApi(routes);
    await here.enrol(api);
    writeFileSync(here.file, JSON.stringify({ ...here.written(), deploymentId: 'cm0dep0000000000000000002' }));
    expect(await here.enrol(api)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('enrols this gateway for Deployment cm0dep0000000000000000002'),
    });
    expect(await here.enrol(api, '--force')).toMatchObject({ code: 0 });
    expect(here.written().deploymentId).toBe(deploymentId);
  });

  test.each([
    ['no credential', '{}', 0o600, 'is not a credential for Airflow'],
    ['a short secret', JSON.stringify({ way: 'shared-secret', secret: 'short' }), 0o600, 'is not a credential for Airflow'],
    ['a file that others can read', JSON.stringify({ way: 'shared-secret', secret }), 0o644, 'others on this machine can read'],
  ])('L-04 %s is refused before anything is made', async (_name, text, mode, message) => {
    using here = place();
    const file = `${here.data}-credential`;
    writeFileSync(file, text, { mode });
    const api = await startApi(routes);
    expect(await here.enrol(api, '--airflow-credential', file)).toMatchObject({ code: 1, stderr: expect.stringContaining(message) });
    expect([api.asked, existsSync(here.data)]).toEqual([[], false]);
  });
});
