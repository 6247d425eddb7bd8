/**
 * How long a command takes: `node bench/cli-start/run.ts`. Writes bench/results/cli-start.json.
 *
 * Candidates are started as a shell starts them, by the link that npm makes, through `#!/usr/bin/env node`. Beside them the
 * empty program of the same Node, in the same round.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { atMost, finish, median, readSettings, rounded } from '../measure.ts';

const settings = readSettings({ rounds: 60, seconds: 0 }, { rounds: 3, seconds: 0 });
const astro = fileURLToPath(new URL('../../node_modules/.bin/astro', import.meta.url));

const server = createServer((_request, response) => {
  response.setHeader('content-type', 'application/json').end(page);
});
const page = JSON.stringify({ tokens: Array.from({ length: 10 }, makeToken), limit: 100, offset: 0, totalCount: 10 });
server.listen(0, '127.0.0.1');
await once(server, 'listening');

const environment = {
  PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, // so that `env node` is the Node that runs this
  ASTRO_API_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, // listening on TCP
  ASTRO_API_TOKEN: makeValue(),
};
const candidates = {
  empty: [process.execPath, '-e', '0'],
  version: [astro, '--version'],
  help: [astro, '--help'],
  commandHelp: [astro, 'deployment', 'token', 'create', '--help'],
  oneCall: [astro, 'deployment', 'token', 'list', '--deployment-id=cm0dep0000000000000000001'],
} as const;
type Candidate = keyof typeof candidates;
const names = Object.keys(candidates) as Candidate[]; // the keys of the line above

await measureRound(); // files are in memory from here on
const rounds: Record<Candidate, number>[] = [];
for (let round = 0; round < settings.rounds; round += 1) rounds.push(await measureRound());
server.close();
server.closeAllConnections();

finish('cli-start', settings, {
  goals: {
    versionOfEmpty: atMost(ratio('version'), 1.3),
    helpOfEmpty: atMost(ratio('help'), 1.3),
    oneCallOfEmpty: atMost(ratio('oneCall'), 1.8),
  },
  summary: {
    commandHelpOfEmpty: rounded(ratio('commandHelp')),
    milliseconds: Object.fromEntries(names.map((name) => [name, rounded(median(rounds.map((round) => round[name])))])),
  },
  notes: [
    'From starting the process to its end, one at a time; a ratio is the median of the ratios of the rounds.',
    'empty is `node -e 0`, started directly; the others pay for `#!/usr/bin/env node` too.',
    'oneCall lists the ten tokens of a Deployment from a server in the process that measures.',
    'On a Node older than 24.11 on the path a command starts itself again, which adds the start of that Node.',
  ],
  rounds: rounds.map((round) => Object.fromEntries(names.map((name) => [name, rounded(round[name])]))),
  versions: {},
});

function ratio(name: Candidate): number {
  return median(rounds.map((round) => round[name] / round.empty));
}

async function measureRound(): Promise<Record<Candidate, number>> {
  const round = { empty: 0, version: 0, help: 0, commandHelp: 0, oneCall: 0 };
  for (const name of names) round[name] = await milliseconds(candidates[name]);
  return round;
}

async function milliseconds([command, ...args]: readonly [string, ...string[]]): Promise<number> {
  const startedAt = performance.now();
  const child = spawn(command, args, { env: environment, stdio: 'ignore' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}; is it built? npm run build`);
  return performance.now() - startedAt;
}

function makeToken(_: unknown, index: number): object {
  return {
    id: `cm0tok00000000000000000${10 + index}`,
    name: `token ${index}`,
    description: 'for CI',
    scope: 'DEPLOYMENT',
    roles: [{ entityType: 'DEPLOYMENT', entityId: 'cm0dep0000000000000000001', role: 'DEPLOYMENT_ADMIN' }],
    createdAt: '2026-11-01T00:00:00Z',
    createdBy: { id: 'cm0usr0000000000000000001', fullName: 'Ada' },
  };
}

/** As long as a real one, and as real for a client, which checks no signature. */
function makeValue(): string {
  const claims = { permissions: ['organizationId:cm0org0000000000000000001'], filler: 'x'.repeat(500) };
  const parts = [{ typ: 'at+jwt', alg: 'ES256' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
  return `${parts.join('.')}.${'s'.repeat(86)}`;
}
