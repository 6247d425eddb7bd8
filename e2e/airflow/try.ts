/**
 * An Airflow to try things on: `node e2e/airflow/try.ts --environment-file DIR/airflow.env --port 8080` keeps one
 * running, with everything it knows in a folder for temporary files, until Ctrl-C.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { disposableFolder } from '../process.ts';
import { createSharedSecret, readEnvironmentFile } from './environment.ts';
import { startAirflow } from './start.ts';

const { values } = parseArgs({ options: { 'environment-file': { type: 'string' }, port: { type: 'string', default: '8080' } } });
const file = values['environment-file'];
const dir = mkdtempSync(join(tmpdir(), 'astrolabe-airflow-'));
const removeFolder = disposableFolder(dir);
try {
  const environment = file ? readEnvironmentFile(file) : createSharedSecret();
  const airflow = await startAirflow({ dir, environment, port: Number(values.port), onProgress: (text) => console.log(text) });
  console.log(`Airflow is at ${airflow.url}, its logs in ${dir}. Ctrl-C ends it and removes both.`);
  const interrupted = onInterrupt();
  while (!interrupted.aborted) {
    airflow.assertAlive();
    await sleep(1000, undefined, { signal: interrupted }).catch(() => {}); // a shorter sleep is all that an interruption means
  }
  await airflow.stop();
} finally {
  removeFolder();
}

function onInterrupt(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => controller.abort());
  return controller.signal;
}
