/**
 * The control plane with a number of changes that may share a commit: `node server.ts <max jobs per commit>`. Started by
 * `run.ts`, twice. All else is as in the server's own `main.ts`.
 */

import { buildApp } from '@astrolabe/server/src/app.ts';
import { loadConfig } from '@astrolabe/server/src/config.ts';
import { openDataFolder } from '@astrolabe/server/src/data-folder.ts';
import { start } from '@astrolabe/server/src/start.ts';
import { openStore } from '@astrolabe/server/src/store/open.ts';
import pino from 'pino';

process.umask(0o077);
const config = loadConfig(process.env);
const log = pino({ level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime });
openDataFolder(config.dataDir);
const store = openStore(`sqlite:${config.dataDir}/server.db`, { maxJobsPerCommit: Number(process.argv[2]) });
const { deps, close } = await start(config, log, Date.now, store);
const app = await buildApp(deps);
await app.listen({ host: config.host, port: config.port });
process.once('SIGTERM', () => {
  app
    .close()
    .then(close)
    .then(
      () => process.exit(0),
      () => process.exit(1),
    );
});
