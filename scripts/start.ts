/**
 * `npm start`: server and gateway as two processes. When one ends, the other goes on; neither is started again in silence.
 * `start.ts server` and `start.ts gateway` start one alone.
 */
import { existsSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { type Program, programNames, startProgram } from './start-program.ts';
import { firstSteps, ownerTokenLine, type ServerRecord, summary } from './start-text.ts';

/** How long a process may take to end after it was asked to. */
const patienceMs = 10_000;

const dataFolder = resolve(process.env.ASTROLABE_DATA || 'data');
const running = new Map<string, Program>();
let stopping = false;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stopAll(0));
const [only] = process.argv.slice(2);
const wanted = programNames.filter((name) => only === undefined || name === only);
if (wanted.length === 0) {
  process.stderr.write(`There is no program ${only}: say server or gateway, or nothing for both.\n`);
  process.exit(1);
}
await startAll();

async function startAll(): Promise<void> {
  for (const name of wanted) {
    const program = startProgram(name, dataFolder);
    running.set(name, program);
    if (await isListening(program)) continue;
    if (!stopping) await stopAll(1); // it has said why
    return;
  }
  for (const program of running.values()) void watch(program);
  await report();
}

/** False when it ended instead. */
async function isListening(program: Program): Promise<boolean> {
  return Promise.race([program.listening.then(() => true), program.ended.then(() => false)]);
}

async function watch(program: Program): Promise<void> {
  const ending = await program.ended;
  running.delete(program.name);
  if (stopping) return;
  const others = [...running.values()].map((other) => `The ${other.name} (process ${other.pid}) goes on. `).join('');
  process.stderr.write(
    `\nThe ${program.name} (process ${program.pid}) ${ending}. ${others}\`npm run ${program.name}\` starts the ${program.name} again.\n`,
  );
  if (running.size === 0) process.exit(1);
}

async function report(): Promise<void> {
  const server = running.get('server');
  const gateway = running.get('gateway');
  const shownFolder = relative(process.cwd(), dataFolder) || '.';
  const folder = shownFolder.startsWith('..') ? dataFolder : shownFolder;
  const serverRecord = (await server?.listening) as ServerRecord | undefined; // what apps/server/src/main.ts logs
  const gatewayRecord = await gateway?.listening;
  const lines = summary({
    folder,
    ...(server && serverRecord ? { server: { pid: server.pid, address: serverRecord.address } } : {}),
    ...(gateway && gatewayRecord
      ? {
          gateway: {
            pid: gateway.pid,
            address: `http://${gatewayRecord.host}:${gatewayRecord.port}`,
            isEnrolled: existsSync(join(dataFolder, 'gateway', 'gateway.json')),
          },
        }
      : {}),
  });
  if (serverRecord?.ownerToken) lines.push(ownerTokenLine(serverRecord.ownerToken, Date.now()));
  if (serverRecord?.firstStart) lines.push('', ...firstSteps({ folder, serverAddress: serverRecord.address, gateway: gatewayRecord }));
  lines.push('', 'Ctrl-C stops everything.');
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** A second signal does not wait. */
async function stopAll(exitCode: number): Promise<void> {
  const programs = [...running.values()];
  if (stopping) for (const program of programs) program.signal('SIGKILL');
  stopping = true;
  for (const program of programs) program.signal('SIGTERM');
  const timer = setTimeout(() => {
    for (const program of programs) program.signal('SIGKILL');
  }, patienceMs);
  await Promise.all(programs.map((program) => program.ended));
  clearTimeout(timer);
  process.exit(exitCode);
}
