/**
 * From revoked to refused: `node bench/revocation/run.ts`. Writes bench/results/revocation.json. V-01.
 *
 * 20 Deployments with a gateway process each, one control plane, and one Workspace token that reaches all. Each round makes
 * a token, waits until all gateways let it in, deletes it, and asks every gateway all the time until it refuses.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { airflowPath, startFakeAirflow } from '../fake-airflow.ts';
import { type Installation, startInstallation } from '../installation.ts';
import { atMost, finish, percentile, readSettings, requireTools, rounded, versionOf } from '../measure.ts';
import { GatewayWatch } from './watch.ts';

const settings = readSettings({ rounds: 100, seconds: 0 }, { rounds: 5, seconds: 0 });
const deployments = 20;
/** Four thousand questions a second in all: often enough, and not so often that asking is what slows the answer. */
const watching = { everyMs: 5, timeoutMs: 10_000 };
const [letIn, refused] = [200, 401];

/** All in milliseconds, one entry for each gateway. */
interface Round {
  readonly issuedToAccepted: readonly number[];
  readonly sentToRefused: readonly number[];
  readonly answeredToRefused: readonly number[];
}

requireTools('nginx', 'taskset');
const installation = await startInstallation();
const watches: GatewayWatch[] = [];
let airflow: Awaited<ReturnType<typeof startFakeAirflow>> | undefined;
try {
  airflow = await startFakeAirflow(installation.folder, 0);
  for (let index = 1; index <= deployments; index++) {
    const deploymentId = await installation.createDeployment(`bench ${index}`);
    const gateway = await installation.startGateway({ deploymentId, airflowUrl: airflow.url });
    watches.push(new GatewayWatch(gateway.url + airflowPath));
  }
  console.log(`${deployments} gateways are ready`);
  for (let round = 1; round <= 3; round++) await revokeOnce(installation, `warm-up ${round}`);
  const rounds: Round[] = [];
  for (let round = 1; round <= settings.rounds; round++) {
    rounds.push(await revokeOnce(installation, `round ${round}`));
    await sleep(Math.random() * 100); // not in step with the heartbeat of each second
  }
  report(rounds);
} finally {
  for (const watch of watches) watch.close();
  await airflow?.program.stop();
  await installation.close();
}

async function revokeOnce({ organizationId, workspaceId, ask }: Installation, name: string): Promise<Round> {
  const tokens = `/v1/organizations/${organizationId}/tokens`;
  const role = { scope: 'WORKSPACE', entityId: workspaceId, role: 'WORKSPACE_OWNER', tokenExpiryPeriodInDays: 1 };
  const { id, token } = await ask<{ id: string; token: string }>('POST', tokens, { name, ...role });
  const issuedAt = performance.now();
  const accepted = await Promise.all(watches.map((watch) => watch.until(token, letIn, refused, watching)));
  const refusals = watches.map((watch) => watch.until(token, refused, letIn, watching));
  const all = Promise.all(refusals);
  all.catch(() => undefined); // heard below; the DELETE may fail first
  await sleep(Math.random() * 20);
  const sentAt = performance.now();
  await ask('DELETE', `${tokens}/${id}`);
  const answeredAt = performance.now();
  const ended = await all;
  for (const watch of watches) {
    const status = await watch.ask(token);
    if (status !== refused) throw new Error(`a gateway that had refused answered ${status}`);
  }
  const since = (start: number, them: readonly { at: number }[]): number[] => them.map(({ at }) => rounded(at - start));
  return { issuedToAccepted: since(issuedAt, accepted), sentToRefused: since(sentAt, ended), answeredToRefused: since(answeredAt, ended) };
}

function report(rounds: readonly Round[]): void {
  const spread = (numbers: readonly number[]) => ({
    p50: rounded(percentile(numbers, 50)),
    p99: rounded(percentile(numbers, 99)),
    max: rounded(Math.max(...numbers)),
  });
  const answered = rounds.flatMap((round) => round.answeredToRefused);
  finish('revocation', settings, {
    goals: {
      revokedToRefusedP99Ms: atMost(percentile(answered, 99), 250),
      revokedToRefusedMaxMs: atMost(Math.max(...answered), 2000),
    },
    summary: {
      milliseconds: {
        answeredToRefused: spread(answered),
        answeredToRefusedByAll: spread(rounds.map((round) => Math.max(...round.answeredToRefused))),
        sentToRefused: spread(rounds.flatMap((round) => round.sentToRefused)),
        issuedToAccepted: spread(rounds.flatMap((round) => round.issuedToAccepted)),
      },
      samples: answered.length,
    },
    notes: [
      `${deployments} gateways and one control plane, a process each, and whoever asks, all on the cores of this machine, over loopback.`,
      `Each gateway is asked every ${watching.everyMs} ms for a route of Airflow; what counts is when the first 401 has arrived, so the pause is part of the number.`,
      'answeredToRefused begins when the answer to the DELETE is there, sentToRefused when it was sent. Below zero: the gateway refused before the caller knew.',
      'Airflow is an nginx that answers by itself.',
    ],
    versions: { nginx: versionOf('/usr/sbin/nginx', '-v') },
    rounds,
  });
}
