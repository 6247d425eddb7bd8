/** Configuration → data folder → database → application → listen → shut down. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import pino from 'pino';
import { buildApp } from './app.ts';
import { loadConfig, type ServerConfig } from './config.ts';
import { openDataFolder } from './data-folder.ts';
import { readOwnerTokenLife } from './owner-token-file.ts';
import { start } from './start.ts';
import { isUnforeseen, sentenceFor } from './start-failure.ts';

/** How long requests under way may take to finish after we were asked to stop. */
const farewellMs = 5000;

process.umask(0o077); // what we write is its owner's alone
let config: ServerConfig | undefined;
try {
  config = loadConfig(process.env);
  await run(config);
} catch (error) {
  process.stderr.write(`${sentenceFor(error, config)}\n`);
  if (isUnforeseen(error)) pino({ base: null }).error({ err: error }, 'the start failed');
  process.exit(1);
}

async function run(config: ServerConfig): Promise<void> {
  const log = pino({ level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime });
  openDataFolder(config.dataDir);
  await refuseTakenPort(config);
  const { deps, firstStart, close } = await start(config, log);
  const app = await buildApp(deps);
  const address = await app.listen({ host: config.host, port: config.port });
  const ownerToken = await readOwnerTokenLife(deps); // C-04: every start says how long it still lives
  log.info({ pid: process.pid, address, ownerToken, ...(firstStart ? { firstStart } : {}) }, 'listening');

  let stopping = false;
  const stop = async (): Promise<void> => {
    if (stopping) return;
    stopping = true;
    setTimeout(() => process.exit(1), farewellMs).unref();
    await app.close();
    await close();
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop());
}

/** Before anything is made: a first start that fails later would have used up the one time its answer is shown. */
async function refuseTakenPort({ host, port }: ServerConfig): Promise<void> {
  const probe = createServer().listen(port, host);
  await once(probe, 'listening');
  probe.close();
  await once(probe, 'close');
}
