/**
 * The story of the product, one step after the other: a token opens a real Airflow, and a revoked one does not. The test
 * (`story.test.ts`) and the demo (`demo.ts`) tell the same one.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  addDagRole,
  createDeployment,
  createToken,
  deployment,
  enrol,
  eventually,
  forge,
  idIn,
  known,
  ok,
  organizationPath,
  refusedAsNobody,
  runToSuccess,
} from './moves.ts';
import type { World } from './world.ts';

/** One thing that happens. It throws when it does not happen as promised. */
export interface Step {
  /** The guarantee, as a test's name. */
  readonly title: string;
  /** For a person: what is about to happen. */
  readonly says: string;
  /** @param tell one line about what was seen */
  run(world: World, tell: (text: string) => void): Promise<void>;
}

export const steps: readonly Step[] = [
  {
    title: 'the first start makes an owner token; a token of one day made 20 days ago is kept for later',
    says: 'The control plane starts for the first time, with its clock turned back 20 days.',
    async run(world, tell) {
      await world.startServer({ daysAgo: 20 });
      await createToken(world, 'expired', 'Old token', ['--expiration', '1'], await createDeployment(world, 'Orders', 20));
      await world.stopServer('SIGTERM');
      tell('An owner token, a Deployment and a token that ended 19 days ago are in the database.');
    },
  },
  {
    title: 'a second start finds everything again; a gateway that is not enrolled answers 503 not_enrolled',
    says: 'Server and gateway start as two processes.',
    async run(world, tell) {
      await world.startServer();
      await world.startGateway();
      const answer = await world.airflow('GET', '/dags');
      assert.equal(answer.status, 503);
      assert.equal(answer.body.code, 'not_enrolled');
      tell(`The gateway says: ${answer.body.detail}`);
    },
  },
  {
    title: 'astrolabe airflow prepare writes what a real Airflow starts from',
    says: 'Airflow gets its keys, and starts from exactly what was written.',
    async run(world, tell) {
      const prepared = join(world.folder, 'prepared');
      ok(await world.astro(['airflow', 'prepare', '--out', prepared]));
      const airflow = await world.startAirflow(prepared, tell);
      tell(`Airflow answers at ${airflow.url} (${airflow.database}).`);
      world.known.set('airflowUrl', airflow.url);
    },
  },
  {
    title: 'astrolabe gateway enrol puts the gateway in front of it',
    says: 'The gateway is enrolled for the Deployment.',
    async run(world, tell) {
      await enrol(world, join(world.folder, 'prepared'));
      const inspected = ok(await world.astro(['deployment', 'inspect', deployment(world), '--output', 'json']));
      assert.match(inspected.stdout, new RegExp(`${world.gatewayUrl.replace('http://', '')}/api/v2`), 'clients are sent to the gateway');
      tell(`The Deployment's API address is now the gateway's: ${world.gatewayUrl}`);
    },
  },
  {
    title: 'a created token lists Dags through the gateway',
    says: 'A token is created, and opens Airflow.',
    async run(world, tell) {
      const created = ok(
        await world.astro([
          'deployment',
          'token',
          'create',
          `--deployment-id=${deployment(world)}`,
          '--name',
          'My token',
          '--role',
          'DEPLOYMENT_ADMIN',
          '-c',
        ]),
      );
      assert.match(created.stdout, /^eyJ[\w-]+\.[\w-]+\.[\w-]+\n$/, 'the value and nothing else');
      world.known.set('admin', created.stdout.trim());
      const answer = await world.airflow('GET', '/dags?limit=10', known(world, 'admin'));
      assert.equal(answer.status, 200, answer.text);
      const ids = answer.body.dags.map((dag: { dag_id: string }) => dag.dag_id).sort();
      assert.deepEqual(ids, ['invoices_daily', 'orders_daily', 'partner_report']);
      tell(`GET /api/v2/dags → 200: ${ids.join(', ')}`);
    },
  },
  {
    title: 'it triggers a run, waits for success and reads the log',
    says: 'The token triggers a run of orders_daily.',
    async run(world, tell) {
      const token = known(world, 'admin');
      const runId = await runToSuccess(world, token, 'orders_daily');
      const tasks = await world.airflow('GET', `/dags/orders_daily/dagRuns/${runId}/taskInstances`, token);
      assert.equal(tasks.status, 200);
      const task: string = tasks.body.task_instances[0].task_id;
      const log = await world.airflow('GET', `/dags/orders_daily/dagRuns/${runId}/taskInstances/${task}/logs/1`, token);
      assert.equal(log.status, 200, log.text);
      assert.match(log.text, /\S/);
      tell(`Run ${runId}: success; ${log.text.length} bytes of log of task ${task}.`);
    },
  },
  {
    title: "Airflow's own event log names the token",
    says: "Airflow's own audit log is asked who triggered the run.",
    async run(world, tell) {
      const answer = await world.airflow('GET', '/eventLogs?dag_id=orders_daily&order_by=-event_log_id', known(world, 'admin'));
      assert.equal(answer.status, 200, answer.text);
      const owner = answer.body.event_logs
        .map((row: { owner: string }) => row.owner)
        .find((name: string | null) => name?.includes('My token'));
      assert.equal(owner, `${idIn(known(world, 'admin'), 'apiTokenId')} My token`);
      tell(`owner: ${owner}`);
    },
  },
  {
    title: 'A-06 a token with a role on one Dag reaches that Dag only',
    says: 'A partner gets a token for one Dag.',
    async run(world, tell) {
      const token = await createToken(world, 'partner', 'Partner', ['--role', 'DEPLOYMENT_ACCESSOR']);
      await addDagRole(world, token, 'partner_report', 'DAG_AUTHOR');
      await eventually(
        () => world.airflow('GET', '/dags/partner_report', token),
        (answer) => answer.status === 200,
      );
      await runToSuccess(world, token, 'partner_report');
      const refused: [string, string, unknown?][] = [
        ['GET', '/dags/orders_daily'],
        ['POST', '/dags/orders_daily/dagRuns', { logical_date: null }],
        ['GET', '/dags'],
        ['GET', '/dags/~/dagRuns'],
        ['GET', '/variables'],
        ['GET', '/connections'],
        ['PATCH', '/dags/invoices_daily', { is_paused: true }],
      ];
      for (const [method, path, body] of refused) {
        const answer = await world.airflow(method, path, token, body);
        assert.equal(answer.status, 403, `${method} ${path}: ${answer.text}`);
        assert.equal(answer.body.code, 'permission_denied');
      }
      for (const path of ['/dags/partner_report%2F..%2Forders_daily', '/dags/partner_report/../orders_daily', '//dags/orders_daily']) {
        const answer = await world.airflow('GET', path, token);
        assert.equal(answer.status, 400, `${path}: ${answer.text}`);
        assert.equal(answer.body.code, 'target_refused');
      }
      tell(`partner_report ran; ${refused.length} other calls were refused with 403.`);
    },
  },
  {
    title: 'J-07 a token of another Deployment gets nowhere',
    says: 'A token of another Deployment is tried here.',
    async run(world, tell) {
      const other = await createDeployment(world, 'Invoices');
      const token = await createToken(world, 'foreign', 'Elsewhere', ['--role', 'DEPLOYMENT_ADMIN'], other);
      await refusedAsNobody(world, token);
      tell('401, and not a word more than for garbage.');
    },
  },
  {
    title: 'a forged token gets nowhere, however much its claims say',
    says: 'A token is forged: the same claims, another key.',
    async run(world, tell) {
      await refusedAsNobody(world, forge(known(world, 'admin')));
      const [header, payload] = known(world, 'admin').split('.');
      await refusedAsNobody(world, `${header}.${payload}.${randomBytes(64).toString('base64url')}`);
      tell('401 both times.');
    },
  },
  {
    title: 'R-03 an expired token gets nowhere',
    says: 'The token that ended 19 days ago is tried.',
    async run(world, tell) {
      const answer = await world.airflow('GET', '/dags', known(world, 'expired'));
      assert.equal(answer.status, 401);
      assert.match(answer.headers['www-authenticate'] ?? '', /invalid_token/);
      tell(`401: ${answer.body.detail}`);
    },
  },
  {
    title: 'R-05 after rotate the old value is refused and the new one works',
    says: 'The token is rotated.',
    async run(world, tell) {
      const old = known(world, 'admin');
      const rotated = ok(
        await world.astro(['deployment', 'token', 'rotate', idIn(old, 'apiTokenId'), `--deployment-id=${deployment(world)}`, '-f', '-c']),
      );
      const since = performance.now();
      const answer = await eventually(
        () => world.airflow('GET', '/dags', old),
        (seen) => seen.status === 401,
      );
      const refusedAfterMs = Math.round(performance.now() - since);
      assert.equal((await world.airflow('GET', '/dags', rotated.stdout.trim())).status, 200);
      assert.equal((await world.server('GET', organizationPath(world), old)).status, 401);
      world.known.set('admin', rotated.stdout.trim());
      tell(`The old value: 401 after ${refusedAfterMs} ms, "${answer.body.detail}". The new one: 200.`);
    },
  },
  {
    title: 'V-01 a deleted token gets nowhere',
    says: 'Another token is created and deleted.',
    async run(world, tell) {
      const token = await createToken(world, 'deleted', 'Short-lived', ['--role', 'DEPLOYMENT_ADMIN']);
      assert.equal((await world.airflow('GET', '/dags', token)).status, 200);
      ok(await world.astro(['deployment', 'token', 'delete', '--name', 'Short-lived', `--deployment-id=${deployment(world)}`, '--force']));
      await eventually(
        () => world.airflow('GET', '/dags', token),
        (answer) => answer.status === 401,
      );
      tell('200, then deleted, then 401.');
    },
  },
  {
    title: 'O-01 with the server killed, tokens go on working',
    says: 'The control plane is killed (kill -9).',
    async run(world, tell) {
      await createToken(world, 'direct', 'Night shift', ['--role', 'DEPLOYMENT_ADMIN', '--kind', 'direct-access', '--expiration', '30']);
      assert.equal((await world.airflow('GET', '/dags', known(world, 'direct'))).status, 200);
      await world.stopServer('SIGKILL');
      assert.equal((await world.airflow('GET', '/dags', known(world, 'direct'))).status, 200);
      assert.equal((await world.airflow('GET', '/dags', known(world, 'admin'))).status, 200);
      assert.equal((await world.airflow('GET', '/dags', known(world, 'deleted'))).status, 401);
      const ready = await fetch(`${world.gatewayUrl}/readyz`);
      tell(`Direct access and standard: 200. /readyz of the gateway: ${(await ready.text()).slice(0, 120)}`);
    },
  },
  {
    title: 'V-04 the gateway restarts while the server is gone and still knows who was revoked',
    says: 'The gateway restarts, with the control plane still gone.',
    async run(world, tell) {
      await world.stopGateway();
      await world.startGateway();
      assert.equal((await world.airflow('GET', '/dags', known(world, 'direct'))).status, 200);
      assert.equal((await world.airflow('GET', '/dags', known(world, 'admin'))).status, 200);
      assert.equal((await world.airflow('GET', '/dags', known(world, 'deleted'))).status, 401);
      tell('It started from its own file: good tokens 200, the deleted one 401.');
    },
  },
  {
    title: 'V-03 past the limit for standard tokens they are refused with the age, direct access goes on',
    says: 'The limit for standard tokens is set to 2 seconds, and passes.',
    async run(world, tell) {
      await world.stopGateway();
      await world.startGateway({ ASTROLABE_GATEWAY_MAX_STALENESS_SECONDS: '2' });
      const answer = await eventually(
        () => world.airflow('GET', '/dags', known(world, 'admin')),
        (seen) => seen.status === 503,
      );
      assert.equal(answer.body.code, 'control_plane_unreachable');
      assert.match(answer.body.detail, /\d+ s/);
      assert.equal((await world.airflow('GET', '/dags', known(world, 'direct'))).status, 200);
      tell(`Standard: 503, "${answer.body.detail}". Direct access: 200.`);
    },
  },
  {
    title: 'V-03 past the limit for direct access tokens nothing is let in',
    says: 'The limit for direct access tokens is set to 3 seconds, and passes.',
    async run(world, tell) {
      await world.stopGateway();
      await world.startGateway({ ASTROLABE_GATEWAY_MAX_STALENESS_SECONDS: '2', ASTROLABE_GATEWAY_MAX_DIRECT_STALENESS_SECONDS: '3' });
      await eventually(
        () => world.airflow('GET', '/dags', known(world, 'direct')),
        (answer) => answer.status === 503,
      );
      tell('503 for every token.');
    },
  },
  {
    title: 'when the server is back everything works again, without touching the gateway',
    says: 'The control plane comes back.',
    async run(world, tell) {
      const since = performance.now();
      await world.startServer();
      await eventually(
        () => world.airflow('GET', '/dags', known(world, 'admin')),
        (answer) => answer.status === 200,
      );
      assert.equal((await world.airflow('GET', '/dags', known(world, 'direct'))).status, 200);
      assert.equal((await world.airflow('GET', '/dags', known(world, 'deleted'))).status, 401);
      tell(`All is well ${((performance.now() - since) / 1000).toFixed(1)} s after it was started.`);
    },
  },
];

/** Told by the test only: the other way to sign in to Airflow. */
export const sharedSecretStep: Step = {
  title: 'the same gateway drives an Airflow that knows only a shared secret',
  says: 'An Airflow with a shared secret takes the place of the first.',
  async run(world, tell) {
    const prepared = join(world.folder, 'prepared-secret');
    ok(await world.astro(['airflow', 'prepare', '--out', prepared, '--way', 'shared-secret']));
    const airflow = await world.startAirflow(prepared, tell);
    world.known.set('airflowUrl', airflow.url);
    await enrol(world, prepared);
    await eventually(
      () => world.airflow('GET', '/dags/orders_daily', known(world, 'admin')),
      (answer) => answer.status === 200,
    );
    await runToSuccess(world, known(world, 'admin'), 'orders_daily');
  },
};
