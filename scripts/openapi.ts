/**
 * The committed copy of the OpenAPI document, `docs/reference/openapi.json`, from a server that is started for it.
 * `node scripts/openapi.ts --write` brings it up to date; without the flag it says whether it is.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { startProgram } from './start-program.ts';

const file = resolve(import.meta.dirname, '../docs/reference/openapi.json');
const folder = mkdtempSync(join(tmpdir(), 'astrolabe-openapi-'));
process.env.ASTROLABE_DATA = folder;
process.env.ASTROLABE_SERVER_PORT = '0';

const server = startProgram('server', folder);
try {
  const started = await Promise.race([server.listening, server.ended]);
  if (typeof started === 'string') throw new Error(`the server ${started}`);
  const answer = await fetch(`${String(started.address)}/spec/v1.0`);
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  const document: unknown = await answer.json();
  if (process.argv.includes('--write')) write(document);
  else if (!isDeepStrictEqual(JSON.parse(readFileSync(file, 'utf8')), document)) {
    process.stderr.write('docs/reference/openapi.json is not what the server says: run `node scripts/openapi.ts --write`.\n');
    process.exitCode = 1;
  }
} finally {
  server.signal('SIGTERM');
  await server.ended;
  rmSync(folder, { recursive: true, force: true });
}

/** In the format of everything else here, so that a check of it finds nothing. */
function write(document: unknown): void {
  writeFileSync(file, JSON.stringify(document));
  const { status } = spawnSync('biome', ['format', '--write', file], { stdio: 'inherit', shell: process.platform === 'win32' });
  if (status !== 0) throw new Error('the document could not be formatted; is node_modules/.bin on the path?');
}
