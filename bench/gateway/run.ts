/**
 * Requests per second of the gateway beside nginx and HAProxy: `node bench/gateway/run.ts`. Writes bench/results/gateway.json.
 *
 * Load generator, upstream and control plane share core 0, the candidate has core 1 for itself. All three candidates run all
 * the time and get their turns in the same round; a ratio is the median of the ratios of the rounds.
 */
import { createPublicKey, type JsonWebKeyInput, randomBytes } from 'node:crypto';
import { waitUntil } from '../../e2e/process.ts';
import { cpuSeconds } from '../core.ts';
import { airflowPath, answerBytes, startFakeAirflow } from '../fake-airflow.ts';
import { type Installation, startInstallation } from '../installation.ts';
import { atLeast, finish, median, readSettings, requireTools, rounded, versionOf } from '../measure.ts';
import { runWrk } from '../wrk.ts';
import { type Candidate, startHaproxy, startPlainNginx } from './peers.ts';

const settings = readSettings({ rounds: 9, seconds: 8 }, { rounds: 2, seconds: 2 });
const connections = 64;
/** Compiling the whole of a Node program takes that long at full load. */
const warmUpSeconds = settings.isQuick ? 2 : 12;
const [loadCore, candidateCore] = [0, 1];

requireTools('wrk', 'nginx', 'haproxy', 'taskset');
const installation = await startInstallation({ core: loadCore });
const started: { stop(): Promise<void> }[] = [];
try {
  const { candidates, upstream, token } = await startEverything(installation);
  for (const candidate of candidates) await checkAnswers(candidate, token);
  for (const candidate of [...candidates, upstream]) await measure(candidate, token, warmUpSeconds);
  const rounds: Round[] = [];
  for (let round = 1; round <= settings.rounds; round++) {
    const measured: Record<string, Measured> = {};
    for (const candidate of [...candidates, upstream]) measured[candidate.name] = await measure(candidate, token, settings.seconds);
    rounds.push(measured);
    const rates = Object.entries(measured).map(([name, { requestsPerSecond }]) => `${name} ${requestsPerSecond}`);
    console.log(`round ${round}: ${rates.join(', ')}`);
  }
  report(rounds, token);
} finally {
  await Promise.all(started.map((program) => program.stop()));
  await installation.close();
}

interface Measured {
  readonly requestsPerSecond: number;
  /** How much of its core the candidate used; well below 1 means that something else was the limit. */
  readonly busy: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}
type Round = Readonly<Record<string, Measured>>;

/** A Deployment, its gateway, a token for it; and the two others in front of the same upstream. */
async function startEverything({ folder, serverUrl, organizationId, ask, createDeployment, startGateway }: Installation) {
  const { url: upstreamUrl, program } = await startFakeAirflow(folder, loadCore);
  started.push(program);
  const deploymentId = await createDeployment('bench');
  const gateway = await startGateway({ deploymentId, airflowUrl: upstreamUrl, core: candidateCore });
  const { token } = await ask<{ token: string }>('POST', `/v1/organizations/${organizationId}/tokens`, {
    name: 'bench',
    scope: 'DEPLOYMENT',
    entityId: deploymentId,
    role: 'DEPLOYMENT_ADMIN',
    tokenExpiryPeriodInDays: 30,
  });
  const place = { folder, core: candidateCore, upstreamUrl };
  const nginx = await startPlainNginx(place);
  started.push(nginx.program);
  const haproxy = await startHaproxy(place, await publicKeyOf(token, serverUrl));
  started.push(haproxy.program);
  return {
    candidates: [nginx, haproxy, { name: 'gateway', ...gateway }],
    upstream: { name: 'upstream', url: upstreamUrl, program },
    token,
  };
}

/** The key that signed the token, as the JWKS publishes it. */
async function publicKeyOf(token: string, serverUrl: string): Promise<string> {
  const { kid } = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString());
  const { keys } = (await (await fetch(`${serverUrl}/.well-known/jwks.json`)).json()) as {
    keys: (JsonWebKeyInput['key'] & { kid: string })[];
  };
  const key = keys.find((each) => each.kid === kid);
  if (!key) throw new Error('the JWKS does not hold the key of the token');
  return createPublicKey({ key, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString();
}

/** Everybody gives the same answer to the token; those who check refuse a forged one. */
async function checkAnswers({ name, url, program }: Candidate, token: string): Promise<void> {
  const get = (bearer: string) => fetch(url + airflowPath, { headers: { authorization: `Bearer ${bearer}` } });
  const answer = await waitUntil(
    `an answer of ${name}`,
    async () => {
      const response = await get(token);
      if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
      return response;
    },
    { programs: [program], timeoutMs: 10_000 },
  );
  const { length } = await answer.text();
  if (length !== answerBytes) throw new Error(`${name} answered with ${length} bytes`);
  if (name === 'nginx') return;
  const forged = token.replace(/[^.]+$/, randomBytes(64).toString('base64url'));
  const { status } = await get(forged);
  if (status !== 401) throw new Error(`${name} answered a forged token with ${status}`);
}

async function measure({ url, program }: Candidate, token: string, seconds: number): Promise<Measured> {
  const before = { at: performance.now(), cpu: cpuSeconds(program.pid) };
  const headers = [`Authorization: Bearer ${token}`];
  const { requestsPerSecond, latencyMs } = await runWrk({ url: url + airflowPath, core: loadCore, connections, seconds, headers });
  const busy = (cpuSeconds(program.pid) - before.cpu) / ((performance.now() - before.at) / 1000);
  return {
    requestsPerSecond: Math.round(requestsPerSecond),
    busy: rounded(busy),
    p50Ms: rounded(latencyMs.p50),
    p99Ms: rounded(latencyMs.p99),
  };
}

function report(rounds: readonly Round[], token: string): void {
  const all = (name: string, read: (measured: Measured) => number): number[] =>
    rounds.flatMap((round) => (round[name] ? [read(round[name])] : []));
  const ratios = (one: string, other: string, read: (measured: Measured) => number): number => {
    const others = all(other, read);
    return median(all(one, read).map((value, index) => value / (others[index] ?? Number.NaN)));
  };
  const rate = (measured: Measured): number => measured.requestsPerSecond;
  const ratePerCore = (measured: Measured): number => measured.requestsPerSecond / measured.busy;
  const ofEach = (read: (measured: Measured) => number) =>
    Object.fromEntries(['gateway', 'haproxy', 'nginx', 'upstream'].map((name) => [name, rounded(median(all(name, read)))]));

  finish('gateway', settings, {
    goals: {
      gatewayOfHaproxy: atLeast(ratios('gateway', 'haproxy', rate), 1.5),
      gatewayOfNginx: atLeast(ratios('gateway', 'nginx', rate), 0.35),
    },
    summary: {
      ratiosPerBusyCore: {
        gatewayOfHaproxy: rounded(ratios('gateway', 'haproxy', ratePerCore)),
        gatewayOfNginx: rounded(ratios('gateway', 'nginx', ratePerCore)),
      },
      requestsPerSecond: ofEach(rate),
      busy: ofEach(({ busy }) => busy),
      p50Ms: ofEach(({ p50Ms }) => p50Ms),
      p99Ms: ofEach(({ p99Ms }) => p99Ms),
    },
    notes: [
      `${connections} connections, ${answerBytes} bytes of body, one ES256 token of ${token.length} bytes for all requests.`,
      'gateway: signature from its cache, everything else judged for each request, a minted Airflow token instead of the caller’s.',
      'haproxy: algorithm and signature for each request (it has no cache); no time, audience, rights or revocation. nginx: checks nothing.',
      'The upstream is an nginx that answers by itself: the proxy is what is measured, not Airflow.',
      '`upstream` is wrk and upstream on core 0 without a proxy: what core 0 can do at most. Where a candidate comes close to it, or is not busy all the time, ratiosPerBusyCore says more.',
    ],
    versions: { nginx: versionOf('/usr/sbin/nginx', '-v'), haproxy: versionOf('/usr/sbin/haproxy', '-v'), wrk: versionOf('wrk', '-v') },
    rounds,
  });
}
