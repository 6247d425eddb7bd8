/**
 * Token creations per second over HTTP: `node bench/writes/run.ts`. Writes bench/results/writes.json.
 *
 * The same server twice: changes that arrive together share a durable commit, as in the product, and one commit each.
 * Beside them bare durable SQLite transactions on the same disk. Load generator on core 0, the server on core 1.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Installation, startInstallation } from '../installation.ts';
import { atLeast, finish, median, readSettings, requireTools, rounded } from '../measure.ts';
import { runWrk } from '../wrk.ts';

const settings = readSettings({ rounds: 5, seconds: 5 }, { rounds: 2, seconds: 2 });
const connections = 64;
const [loadCore, serverCore] = [0, 1];
const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

interface Round {
  readonly shared: number;
  readonly oneEach: number;
  readonly bare: number;
  readonly sharedP50Ms: number;
  readonly oneEachP50Ms: number;
}
interface Side {
  readonly installation: Installation;
  readonly deploymentId: string;
}

requireTools('wrk', 'taskset', 'df');
const sides: Side[] = [];
try {
  const shared = await startSide(64);
  const oneEach = await startSide(1);
  const fileSystem = fileSystemOf(shared.installation.folder);
  for (const side of sides) await createTokens(side, 'warm-up', settings.seconds);
  const rounds: Round[] = [];
  for (let round = 1; round <= settings.rounds; round++) {
    const one = await createTokens(oneEach, `round ${round}`, settings.seconds);
    const many = await createTokens(shared, `round ${round}`, settings.seconds);
    const bare = bareTransactions(shared.installation.folder);
    rounds.push({
      shared: Math.round(many.requestsPerSecond),
      oneEach: Math.round(one.requestsPerSecond),
      bare,
      sharedP50Ms: rounded(many.latencyMs.p50),
      oneEachP50Ms: rounded(one.latencyMs.p50),
    });
    console.log(`round ${round}: ${JSON.stringify(rounds.at(-1))}`);
  }
  report(rounds, fileSystem);
} finally {
  await Promise.all(sides.map(({ installation }) => installation.close()));
}

async function startSide(maxJobsPerCommit: number): Promise<Side> {
  const installation = await startInstallation({ core: serverCore, main: [path('server.ts'), String(maxJobsPerCommit)] });
  const side = { installation, deploymentId: await installation.createDeployment('bench') };
  sides.push(side);
  return side;
}

function createTokens({ installation, deploymentId }: Side, run: string, seconds: number) {
  return runWrk({
    url: `${installation.serverUrl}/v1/organizations/${installation.organizationId}/tokens`,
    core: loadCore,
    connections,
    seconds,
    headers: [`Authorization: Bearer ${installation.ownerToken}`, 'Content-Type: application/json'],
    script: { file: path('create-tokens.lua'), args: [deploymentId, run] },
  });
}

function bareTransactions(folder: string): number {
  const args = ['-c', String(serverCore), process.execPath, path('bare.ts'), join(folder, 'bare.db'), String(settings.seconds)];
  return Number(execFileSync('taskset', args, { encoding: 'utf8' }));
}

/** In memory nothing is durable, and nothing is to be gained by sharing. */
function fileSystemOf(folder: string): string {
  const type = execFileSync('df', ['--output=fstype', folder], { encoding: 'utf8' }).trim().split('\n').at(-1) ?? '';
  if (/^(tmpfs|ramfs|overlay)$/.test(type)) throw new Error(`${folder} is on ${type}: set TMPDIR to a folder on a disk`);
  return type;
}

function report(rounds: readonly Round[], fileSystem: string): void {
  const middle = (read: (round: Round) => number): number => rounded(median(rounds.map(read)));
  finish('writes', settings, {
    goals: { sharedOfOneEach: atLeast(median(rounds.map((round) => round.shared / round.oneEach)), 1.3) },
    summary: {
      ratios: { sharedOfBare: middle((round) => round.shared / round.bare), oneEachOfBare: middle((round) => round.oneEach / round.bare) },
      perSecond: { shared: middle(({ shared }) => shared), oneEach: middle(({ oneEach }) => oneEach), bare: middle(({ bare }) => bare) },
      p50Ms: { shared: middle(({ sharedP50Ms }) => sharedP50Ms), oneEach: middle(({ oneEachP50Ms }) => oneEachP50Ms) },
    },
    notes: [
      `${connections} connections; each request creates a Deployment token of its own: authorization, signature, role, audit row, feed entry.`,
      'shared and oneEach are the same server, which differ in maxJobsPerCommit of the writer: 64 as in the product, and 1.',
      'bare: better-sqlite3 alone, WAL, synchronous FULL, two small rows a transaction, one after the other.',
      `The databases are on ${fileSystem} and grow during the run, that of shared a little faster.`,
    ],
    versions: { sqlite: sqliteVersion() },
    rounds,
  });
}

function sqliteVersion(): string {
  const script = "const D = require('better-sqlite3'); console.log(new D(':memory:').prepare('select sqlite_version()').pluck().get())";
  return execFileSync(process.execPath, ['-e', script], { encoding: 'utf8', cwd: path('.') }).trim();
}
