/**
 * A throw-away PostgreSQL: own data folder, own port, loopback only, nothing written through to the disk. Ready in about
 * a second, removed by `stop()` and also when this process ends in any other way.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { disposableFolder, freePort, type ProgramOptions, runProgram, startProgram, waitUntil } from '../process.ts';

export interface RunningPostgres {
  readonly port: number;
  /** Makes an empty database. `name`: lower-case letters, digits and `_`. Returns its `postgres://` address. */
  createDatabase(name: string): Promise<string>;
  stop(): Promise<void>;
}

const superuser = 'astrolabe';

/** The folder that holds `initdb` and `postgres`, or why there is none. */
export function findPostgres(): { readonly bin: string } | { readonly missing: string } {
  const candidates = [...debianFolders(), ...(process.env.PATH ?? '').split(':')];
  const bin = candidates.find((folder) => folder !== '' && ['initdb', 'postgres', 'psql'].every((name) => existsSync(join(folder, name))));
  return bin ? { bin } : { missing: 'PostgreSQL is not installed: no folder holds initdb, postgres and psql' };
}

/** Starts PostgreSQL. Throws with the end of its log when it does not come up. */
export async function startPostgres(): Promise<RunningPostgres> {
  const found = findPostgres();
  if ('missing' in found) throw new Error(found.missing);
  const folder = mkdtempSync(join(tmpdir(), 'astrolabe-postgres-'));
  const removeFolder = disposableFolder(folder);
  const user = unprivilegedUser();
  if (user) chownSync(folder, user.uid, user.gid);
  const password = randomBytes(24).toString('hex');
  const run = (name: string, args: readonly string[], environment = {}): ProgramOptions => ({
    name,
    command: join(found.bin, name),
    args,
    environment: { PATH: found.bin, LC_ALL: 'C', ...environment },
    logFile: join(folder, `${name}.log`),
    cwd: folder,
    ...(user && { user }),
  });
  try {
    await initialize(folder, password, run);
    const port = await freePort();
    const server = await startProgram({ ...run('postgres', serverArguments(folder, port)), stopSignal: 'SIGINT' }); // "fast" shutdown
    const address = ['--host=127.0.0.1', `--port=${port}`, `--username=${superuser}`];
    const query = (sql: string): Promise<void> =>
      runProgram(run('psql', ['--no-psqlrc', ...address, '--dbname=postgres', `--command=${sql}`], { PGPASSWORD: password }), 10_000);
    const stop = async (): Promise<void> => {
      await server.stop();
      removeFolder();
    };
    try {
      await waitUntil('PostgreSQL', () => query('select 1').then(() => true), { programs: [server], timeoutMs: 30_000, everyMs: 50 });
    } catch (error) {
      await stop();
      throw error;
    }
    return {
      port,
      stop,
      createDatabase: async (name) => {
        await query(`create database "${name}"`);
        return `postgres://${superuser}:${password}@127.0.0.1:${port}/${name}`;
      },
    };
  } catch (error) {
    removeFolder();
    throw error;
  }
}

async function initialize(folder: string, password: string, run: (name: string, args: readonly string[]) => ProgramOptions): Promise<void> {
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, password, { mode: 0o644 }); // the folder is its owner's alone
  await runProgram(
    run('initdb', [
      `--pgdata=${join(folder, 'data')}`,
      `--username=${superuser}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--no-sync',
    ]),
    60_000,
  );
}

function serverArguments(folder: string, port: number): string[] {
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    max_connections: 200,
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
  };
  return ['-D', join(folder, 'data'), ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}

/** PostgreSQL refuses to run as root: then it runs as its own user, or as nobody. */
function unprivilegedUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    try {
      return { uid: idOf('-u', name), gid: idOf('-g', name) };
    } catch {} // no such user here
  }
  throw new Error('PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody');
}

const idOf = (flag: string, name: string): number => Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: 'pipe' }));

function debianFolders(): string[] {
  const root = '/usr/lib/postgresql';
  if (!existsSync(root)) return [];
  const versions = readdirSync(root).sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(root, version, 'bin'));
}
