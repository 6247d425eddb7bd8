/**
 * A real Airflow for tests and the demo: api-server, dag-processor and scheduler as separate programs, on the loopback
 * address only, with three small Dags, on a throw-away PostgreSQL where one is installed and on SQLite elsewhere.
 */
import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findPostgres, type RunningPostgres, startPostgres } from '../postgres/start.ts';
import { type Environment, freePort, type Program, type ProgramOptions, runProgram, startProgram, waitUntil } from '../process.ts';
import { componentEnvironment } from './environment.ts';
import { findAirflow } from './install.ts';

export interface AirflowOptions {
  /** An empty folder, the caller's to remove: Airflow's home, Dags and logs go there. */
  readonly dir: string;
  /** Goes to every component exactly as given, and wins over the settings of this file. */
  readonly environment: Environment;
  /** A free one unless said. */
  readonly port?: number;
  /** One short line for each step. */
  readonly onProgress?: (text: string) => void;
}

export interface RunningAirflow {
  /** Base address, without `/api/v2`. */
  readonly url: string;
  readonly port: number;
  /** On SQLite, writes must be sent one by one: overlapping ones end the scheduler for good. */
  readonly database: 'postgresql' | 'sqlite';
  /** Throws with the end of its log when a component has ended by itself. To be called when a test fails. */
  assertAlive(): void;
  /** Ends every component and the database. Safe to call twice. */
  stop(): Promise<void>;
}

export const dagIds = ['invoices_daily', 'orders_daily', 'partner_report'] as const;

/** Starts Airflow and returns when its Dags are there, after about 20 s. Throws, with everything stopped, when it does not come up. */
export async function startAirflow({ dir, environment, port, onProgress = () => {} }: AirflowOptions): Promise<RunningAirflow> {
  const found = findAirflow(onProgress);
  if ('missing' in found) throw new Error(found.missing);
  const apiPort = port ?? (await freePort());
  const postgres = 'bin' in findPostgres() ? await startPostgres() : undefined;
  const components: Program[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(components.map((component) => component.stop(1000))); // there is nothing to save;
    await postgres?.stop();
  };
  try {
    const databaseUrl = await createDatabase(dir, postgres);
    const unusedPort = await freePort();
    const own = componentEnvironment({ home: dir, bin: found.bin, port: apiPort, unusedPort, databaseUrl });
    const password = layOutHome(dir);
    const program = (name: string, ...args: string[]): ProgramOptions => ({
      name,
      command: join(found.bin, 'airflow'),
      args,
      environment: { ...own, ...environment },
      logFile: join(dir, `${name}.log`),
      cwd: dir,
    });
    onProgress(`preparing Airflow's database (${postgres ? 'PostgreSQL' : 'SQLite'})`);
    await runProgram(program('db-migrate', 'db', 'migrate'), 180_000);
    onProgress('starting api-server, dag-processor and scheduler');
    components.push(await startProgram(program('api-server', 'api-server')));
    components.push(await startProgram(program('dag-processor', 'dag-processor')));
    components.push(await startProgram(program('scheduler', 'scheduler', '--skip-serve-logs')));
    const url = `http://127.0.0.1:${apiPort}`;
    await waitUntil("Airflow's health", () => askHealth(url), { programs: components, timeoutMs: 120_000 });
    onProgress('healthy; waiting for its Dags');
    await waitUntil(`the Dags ${dagIds.join(', ')}`, () => askDags(url, password), { programs: components, timeoutMs: 60_000 });
    return { url, port: apiPort, database: postgres ? 'postgresql' : 'sqlite', assertAlive: () => assertAlive(components), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Copies the Dags, so that Python's caches stay out of the source tree. Returns the password of the user `harness`. */
function layOutHome(home: string): string {
  mkdirSync(home, { recursive: true });
  cpSync(fileURLToPath(new URL('dags', import.meta.url)), join(home, 'dags'), { recursive: true });
  const password = randomBytes(24).toString('hex');
  writeFileSync(join(home, 'passwords.json'), JSON.stringify({ harness: password }), { mode: 0o600 });
  return password;
}

async function createDatabase(home: string, postgres: RunningPostgres | undefined): Promise<string> {
  if (!postgres) return `sqlite:///${join(home, 'airflow.db')}`;
  const url = await postgres.createDatabase('airflow');
  return url.replace(/^postgres:/, 'postgresql+psycopg2:');
}

/** The HTTP status of the health page says nothing; each part is in its body. */
async function askHealth(url: string): Promise<true | undefined> {
  const body = await request(`${url}/api/v2/monitor/health`);
  const parts = ['metadatabase', 'dag_processor', 'scheduler'];
  return parts.every((part) => member(member(body, part), 'status') === 'healthy') ? true : undefined;
}

/** Signs in as Airflow's own user: that also shows that Airflow accepts what it signs itself. */
async function askDags(url: string, password: string): Promise<true | undefined> {
  const signIn = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'harness', password }),
  };
  const token = member(await request(`${url}/auth/token`, signIn), 'access_token');
  const list = member(await request(`${url}/api/v2/dags`, { headers: { authorization: `Bearer ${token}` } }), 'dags');
  const ids = Array.isArray(list) ? list.map((dag) => member(dag, 'dag_id')) : [];
  return dagIds.every((id) => ids.includes(id)) ? true : undefined;
}

async function request(url: string, init: RequestInit = {}): Promise<unknown> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`${url} answered ${response.status} ${await response.text()}`);
  return response.json();
}

const member = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined;

function assertAlive(components: readonly Program[]): void {
  const dead = components.find((component) => component.ended());
  if (dead) throw new Error(`${dead.name} ${dead.ended()}:\n${dead.tail()}`);
}
