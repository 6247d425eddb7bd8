import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, request as httpRequest, type IncomingHttpHeaders, type Server } from 'node:http';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { loadConfig } from './config.ts';
import { FakeControlPlane, FakeFeedServer, type Issued, type IssueOptions, ids, newSigningKey, TestClock } from './fake-control-plane.ts';
import { Gateway } from './gateway.ts';
import { createLog } from './log.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
  readonly text: string;
}

let folder: string;
let clock: TestClock;
let server: FakeControlPlane;
let feed: FakeFeedServer;
let airflow: Server;
let airflowRequests: { readonly method: string; readonly url: string; readonly headers: IncomingHttpHeaders }[];
let gateway: Gateway;
let logged: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'astrolabe-'));
  mkdirSync(join(folder, 'gateway'), { mode: 0o700 });
  clock = new TestClock();
  server = new FakeControlPlane(clock);
  feed = new FakeFeedServer((response) => {
    for (const line of [server.keysLine(), ...server.snapshotLines(), server.heartbeatLine()]) response.write(`${line}\n`);
  });
  airflowRequests = [];
  airflow = createServer((request, response) => {
    if (request.url === '/api/v2/version') return void response.end('{"version":"3.3.2"}');
    airflowRequests.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers });
    request.resume().on('end', () => response.end('{"from":"airflow"}'));
  });
  await new Promise<void>((resolve) => airflow.listen(0, '127.0.0.1', resolve));
  logged = [];
  gateway = await startGateway();
});

afterEach(async () => {
  await gateway.close();
  await feed.close();
  airflow.closeAllConnections();
  await new Promise((resolve) => airflow.close(resolve));
  rmSync(folder, { recursive: true });
});

async function startGateway(): Promise<Gateway> {
  const log = createLog('debug', { write: (line) => logged.push(line) });
  const started = new Gateway({ config: loadConfig({ ASTROLABE_DATA: folder }), clock, log });
  await new Promise<void>((resolve) => started.server.listen(0, '127.0.0.1', resolve));
  return started;
}

const portOf = (listening: Server): number => (listening.address() as AddressInfo).port; // TCP servers have such an address

/** Enrols, and waits until the gateway follows the feed. */
async function enrol(): Promise<void> {
  const serverUrl = await feed.listen();
  gateway.enrol(server.enrolment({ serverUrl, airflowUrl: `http://127.0.0.1:${portOf(airflow)}` }));
  await vi.waitFor(async () => expect((await ask('/readyz')).body).toMatchObject({ server: 'connected', airflow: 'reachable' }), {
    interval: 2,
  });
}

/** A token that the gateway knows. */
async function issue(options?: IssueOptions): Promise<Issued> {
  const issued = server.issue(options);
  feed.send(server.publish(issued.entry));
  await vi.waitFor(async () => expect((await ask('/metrics')).text).toContain(`feed_sequence ${server.sequence}\n`), { interval: 2 });
  return issued;
}

type Headers = Record<string, string | readonly string[]>;

function ask(path: string, bearer?: string, options: { method?: string; headers?: Headers; body?: string } = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body } = options;
  const all: Headers = bearer === undefined ? headers : { authorization: `Bearer ${bearer}`, ...headers };
  return new Promise((resolve, reject) => {
    const to = { host: '127.0.0.1', port: portOf(gateway.server), path, method, agent: false as const };
    const request = httpRequest(to, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => {
        const body = text.startsWith('{') ? JSON.parse(text) : {};
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body });
      });
    });
    for (const [name, value] of Object.entries(all)) request.setHeader(name, value);
    request.on('error', reject);
    request.end(body);
  });
}

const dags = '/api/v2/dags';

describe('before enrolment', () => {
  test('the gateway is healthy, and refuses everything else with what to type', async () => {
    expect(await ask('/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } });
    for (const path of [dags, '/whoami', '/readyz', '/metrics', '/nowhere']) {
      const { status, body } = await ask(path, 'x');
      expect({ path, status, code: body.code }).toEqual({ path, status: 503, code: 'not_enrolled' });
      expect(body.detail).toContain('astrolabe gateway enrol --deployment-id <id> --airflow-url <url> --airflow-credential <file>');
    }
  });

  test('an enrolment is taken up, replaced and given up without a restart', async () => {
    await enrol();
    const { value } = await issue();
    expect((await ask(dags, value)).status).toBe(200);
    gateway.enrol(undefined);
    expect((await ask(dags, value)).body.code).toBe('not_enrolled');
    gateway.enrol(server.enrolment({ airflowUrl: `http://127.0.0.1:${portOf(airflow)}` }));
    expect((await ask(dags, value)).status).toBe(200);
  });
});

describe('a request that passes', () => {
  test('goes to Airflow with a credential of the gateway, and never with that of the caller (H-04)', async () => {
    await enrol();
    const { value, id } = await issue({ name: 'nightly' });
    const answer = await ask(`${dags}?limit=1&nonsense=1`, value, { headers: { cookie: '_token=x' } });
    expect(answer).toMatchObject({ status: 200, body: { from: 'airflow' } });
    expect(airflowRequests).toMatchObject([{ method: 'GET', url: '/api/v2/dags?limit=1' }]);
    const [{ headers } = { headers: {} as IncomingHttpHeaders }] = airflowRequests;
    expect(JSON.stringify(headers)).not.toContain(value);
    expect(headers.cookie).toBeUndefined();
    const payload = JSON.parse(Buffer.from(headers.authorization?.split('.')[1] ?? '', 'base64url').toString());
    expect(payload).toMatchObject({ sub: `${id} nightly`, role: 'viewer' });
  });

  test('a body that waits to be invited is invited only after the verdict', async () => {
    await enrol();
    const { value } = await issue({ role: 'DEPLOYMENT_ADMIN' });
    const call = { method: 'POST', body: '{"logical_date":null}', headers: { expect: '100-continue', 'content-type': 'application/json' } };
    expect((await ask('/api/v2/dags/a/dagRuns', value, call)).status).toBe(200);
    expect((await ask('/api/v2/dags/a/dagRuns', 'garbage', call)).status).toBe(401);
  });
});

describe('refusals', () => {
  test('H-01 each says in WWW-Authenticate what RFC 6750 has for it', async () => {
    await enrol();
    const { value } = await issue({ role: 'DEPLOYMENT_ACCESSOR' });
    expect((await ask(dags)).headers['www-authenticate']).toBe('Bearer realm="astrolabe"');
    expect((await ask(dags, undefined, { headers: { authorization: '' } })).headers['www-authenticate']).toBe('Bearer realm="astrolabe"');
    for (const authorization of ['Bearer garbage', 'Basic YTpi', 'Bearer', 'bearer']) {
      const answer = await ask(dags, undefined, { headers: { authorization } });
      expect(answer).toMatchObject({ status: 401, body: { code: 'invalid_token' } });
      expect(answer.headers['www-authenticate']).toBe('Bearer realm="astrolabe", error="invalid_token"');
    }
    const denied = await ask(dags, value);
    expect(denied.status).toBe(403);
    expect(denied.headers['www-authenticate']).toBe(
      'Bearer realm="astrolabe", error="insufficient_scope", scope="deployment.airflow.dag.get"',
    );
  });

  test('the order of the answers is 401, 404, 405, 403, and nothing of it reaches Airflow', async () => {
    await enrol();
    const { value } = await issue({ role: 'DEPLOYMENT_ACCESSOR' });
    expect((await ask('/api/v2/nowhere', 'garbage')).status).toBe(401);
    expect((await ask('/nowhere', value)).body).toMatchObject({ status: 404, code: 'route_unknown' });
    const wrongMethod = await ask(dags, value, { method: 'PUT' });
    expect(wrongMethod).toMatchObject({ status: 405, headers: { allow: 'GET, PATCH' } });
    const denied = await ask(dags, value);
    expect(denied.status).toBe(403);
    expect(denied.body.detail).toContain('lacks deployment.airflow.dag.get');
    expect(airflowRequests).toEqual([]);
  });

  test('every one has a problem body with the detail that Airflow clients show, and a request id', async () => {
    await enrol();
    const answer = await ask(dags);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.body).toMatchObject({
      type: '/problems/credential_missing',
      status: 401,
      detail: 'No credential was sent',
      statusCode: 401,
    });
    expect(answer.body.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('S-05 F-05 an outsider cannot tell forged from foreign from unknown values', async () => {
    await enrol();
    const old = { claims: { iat: Math.floor(clock.now() / 1000) - 60 } };
    const values = [
      'garbage',
      server.issue(old).value,
      server.issue({ ...old, key: newSigningKey('token-1') }).value,
      server.issue({ claims: { aud: [`deployment:${ids.otherDeployment}`] } }).value,
      server.agentToken(),
    ];
    const answers = await Promise.all(values.map((value) => ask(dags, value)));
    const [first, ...others] = answers.map(({ status, headers, body }) => ({
      status,
      headers: { ...headers, 'x-request-id': '', date: '' },
      body: { ...body, requestId: '' },
    }));
    for (const other of others) expect(other).toEqual(first);
  });

  test('R-05 the holder of a rotated value hears when it was replaced', async () => {
    await enrol();
    const old = await issue();
    const next = server.issue({ id: old.id });
    feed.send(server.retire(old, 'rotated', next));
    await vi.waitFor(async () => expect((await ask(dags, old.value)).status).toBe(401), { interval: 2 });
    expect((await ask(dags, old.value)).body.detail).toBe(
      'This value of the token was replaced by a rotation at 2026-11-01T00:00:00.000Z.',
    );
    expect((await ask(dags, next.value)).status).toBe(200);
  });

  test('F-07 a token in the path or the query is a 400, and the log does not hold it', async () => {
    await enrol();
    const { value } = await issue();
    const dotted = value.replaceAll('.', '%2E');
    for (const target of [
      `${dags}?token=${value}`,
      `/api/v2/dags/${value}`,
      `${dags}?x=${dotted}`,
      `${dags}?access_token=x`,
      `/whoami?access%5Ftoken=x`,
    ]) {
      expect((await ask(target, value)).body, target.slice(0, 30)).toMatchObject({ status: 400, code: 'credential_in_url' });
    }
    expect(logged.map((line) => JSON.parse(line))).toContainEqual(expect.objectContaining({ level: 30, code: 'credential_in_url' }));
    expect(logged.join()).not.toContain(value.slice(20, 60));
    expect(airflowRequests).toEqual([]);
  });

  test('F-08 several Authorization headers are a 400, even the same twice', async () => {
    await enrol();
    const { value } = await issue();
    for (const authorization of [
      [`Bearer ${value}`, `Bearer ${value}`],
      ['Basic YTpi', `Bearer ${value}`],
      [`Bearer ${value}, Bearer ${value}`],
    ]) {
      expect((await ask(dags, undefined, { headers: { authorization } })).body).toMatchObject({ status: 400, code: 'several_credentials' });
    }
  });

  test('F-04 a head that is too large, and what is no HTTP, get a clean 4xx', async () => {
    await enrol();
    expect(await ask(dags, 'x'.repeat(20_000))).toMatchObject({ status: 431, body: { code: 'header_refused', statusCode: 431 } });
    const answer = await new Promise<string>((resolve) => {
      const socket = connectTcp(portOf(gateway.server), '127.0.0.1', () => socket.end('nonsense\r\n\r\n'));
      socket.setEncoding('utf8').on('data', resolve);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  });
});

describe('a value that is younger than the feed', () => {
  test('waits for it, and passes with the change that brings it', async () => {
    await enrol();
    const issued = server.issue();
    const pending = ask(dags, issued.value);
    await vi.waitFor(() => expect(clock.waiting).toBeGreaterThan(3), { interval: 1 }); // its patience has begun
    feed.send(server.publish(server.issue().entry));
    feed.send(server.publish(issued.entry));
    expect((await pending).status).toBe(200);
  });

  test('is refused after 2 seconds if nothing comes', async () => {
    await enrol();
    const { value } = server.issue();
    const pending = ask(dags, value);
    await vi.waitFor(() => expect(clock.waiting).toBeGreaterThan(3), { interval: 1 });
    clock.advance(2_000);
    expect(await pending).toMatchObject({ status: 401, body: { detail: 'The token is not valid' } });
  });
});

describe('with the control plane gone', () => {
  test('O-01 direct access goes on over a restart of the gateway for its time, standard tokens for theirs', async () => {
    await enrol();
    const standard = await issue();
    const direct = await issue({ kind: 'DIRECT_ACCESS', expiresAt: clock.now() + 30 * 86_400_000 });
    await feed.close();
    clock.leap(299_000);
    expect((await ask(dags, standard.value)).status).toBe(200);
    clock.advance(2_000);
    const refused = await ask(dags, standard.value);
    expect(refused).toMatchObject({ status: 503, body: { code: 'control_plane_unreachable' }, headers: { 'retry-after': '5' } });
    expect(refused.body.detail).toBe('What the gateway knows is 301 s old; this kind of token is accepted up to 300 s.');
    await gateway.close();
    gateway = await startGateway();
    gateway.enrol(server.enrolment({ airflowUrl: `http://127.0.0.1:${portOf(airflow)}` }));
    expect((await ask(dags, standard.value)).status).toBe(503);
    clock.leap(6 * 86_400_000);
    const answer = await ask(dags, direct.value);
    expect(answer).toMatchObject({ status: 200, headers: { 'astrolabe-state-age': String(6 * 86_400 + 301) } });
    clock.leap(86_400_000);
    expect((await ask(dags, direct.value)).status).toBe(503);
  });

  test('V-03 readiness and metrics show how old the state is', async () => {
    await enrol();
    expect(await ask('/readyz')).toMatchObject({
      status: 200,
      body: { server: 'connected', airflow: 'reachable', state: 'fresh', stalenessSeconds: 0 },
    });
    expect((await ask('/metrics')).text).toMatch(/^astrolabe_gateway_staleness_seconds 0$/m);
    await feed.close();
    clock.leap(400_000);
    const ready = await ask('/readyz');
    expect(ready.body).toMatchObject({ server: 'unreachable', state: 'stale', stalenessSeconds: 400 });
    expect((await ask('/metrics')).text).toMatch(/^astrolabe_gateway_staleness_seconds 400$/m);
    clock.leap(604_800_000);
    expect((await ask('/readyz')).status).toBe(503);
  });

  test('a gateway that never heard from it is not ready, and lets nobody in', async () => {
    gateway.enrol(server.enrolment({ airflowUrl: `http://127.0.0.1:${portOf(airflow)}` }));
    expect(await ask('/readyz')).toMatchObject({ status: 503, body: { state: 'empty', stalenessSeconds: null } });
    expect((await ask(dags, server.issue().value)).body.code).toBe('control_plane_unreachable');
    expect((await ask('/metrics')).text).toMatch(/^astrolabe_gateway_staleness_seconds \+Inf$/m);
  });
});

describe('own paths', () => {
  test('/whoami tells a caller about its own token', async () => {
    await enrol();
    const bindings = [{ entityType: 'DAG' as const, entityId: 'sales', role: 'DAG_VIEWER' }];
    const { value, id } = await issue({ name: 'partner', bindings, expiresAt: clock.now() + 3_600_000 });
    const { status, body } = await ask('/whoami', value);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      tokenId: id,
      name: 'partner',
      kind: 'STANDARD',
      deployment: { id: ids.deployment, name: 'production' },
      expiresAt: '2026-11-01T01:00:00.000Z',
      stalenessSeconds: 0,
      permissions: [],
      dags: { sales: expect.arrayContaining(['dag.airflow.dag.get']) },
    });
    expect((await ask('/whoami', (await issue()).value)).body.permissions).toContain('deployment.airflow.dagRun.create');
    expect((await ask('/whoami')).status).toBe(401);
    expect((await ask('/whoami', value, { method: 'POST' })).body).toMatchObject({ status: 405, code: 'method_not_allowed' });
  });

  test('H-05 nothing may follow a request that asks for another protocol, as Node would drop a part of it', async () => {
    const socket = connectTcp(portOf(gateway.server), '127.0.0.1');
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nGET /heal');
    let received = '';
    for await (const chunk of socket) received += chunk; // ends only because the gateway hangs up
    expect(received).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(received).toMatch(/^connection: close\r$/im);
  });

  test('/healthz is 200 whatever else is gone', async () => {
    await enrol();
    await feed.close();
    airflow.closeAllConnections();
    clock.leap(10 * 86_400_000);
    expect((await ask('/healthz')).status).toBe(200);
    expect((await ask('/healthz', undefined, { method: 'HEAD' })).status).toBe(200);
  });

  test('/metrics counts verdicts by code, and how long requests took', async () => {
    await enrol();
    const { value } = await issue();
    await ask(dags, value);
    await ask(dags, 'garbage');
    await ask(dags, 'garbage');
    const { text } = await ask('/metrics');
    expect(text).toMatch(/^astrolabe_gateway_verdicts_total\{code="pass"\} 1$/m);
    expect(text).toMatch(/^astrolabe_gateway_verdicts_total\{code="invalid_token"\} 2$/m);
    expect(text).toMatch(/^astrolabe_gateway_feed_connected 1$/m);
    expect(text).toMatch(/^astrolabe_gateway_live_values 1$/m);
    expect(text).toMatch(/^astrolabe_gateway_request_duration_seconds_count \d+$/m);
  });

  test('C-05 /metrics is for this machine: who comes through a proxy finds nothing there', async () => {
    await enrol();
    expect((await ask('/metrics')).status).toBe(200);
    for (const header of ['x-forwarded-for', 'forwarded']) {
      expect((await ask('/metrics', undefined, { headers: { [header]: 'for=192.0.2.1' } })).status).toBe(404);
    }
  });
});

describe('the log', () => {
  test('L-01 holds no token, not even at its lowest level', async () => {
    await enrol();
    const live = await issue();
    const gone = await issue();
    feed.send(server.retire(gone, 'deleted'));
    await ask(dags, live.value);
    await ask(dags, gone.value);
    await ask('/api/v2/connections/secret-name', server.issue({ role: 'DAG_VIEWER', claims: { iat: 1 } }).value);
    expect(logged.join('')).not.toMatch(/eyJ|secret-name|Bearer/);
  });

  test('a refusal of a known token is told with its id, and a flood of unknown values is not', async () => {
    await enrol();
    const { value, id } = await issue({ role: 'DEPLOYMENT_ACCESSOR' });
    await ask(dags, value);
    await ask(dags, 'garbage');
    const levels = logged.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'refused');
    expect(levels).toEqual([
      expect.objectContaining({ level: 30, code: 'permission_denied', token: id, requestId: expect.any(String) }),
      expect.objectContaining({ level: 20, code: 'invalid_token' }),
    ]);
  });
});
