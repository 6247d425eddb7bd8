/** The variables that a started Airflow gets. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Environment } from '../process.ts';

/**
 * Reads a file of `NAME=value` lines, such as the `airflow.env` of `astrolabe airflow prepare`.
 *
 * Values are literal to the end of the line, as `docker run --env-file` has them. Empty lines and lines that begin with
 * `#` are skipped; anything else, and a name that comes twice, throws, because a line nobody understood is a mistake.
 */
export function readEnvironmentFile(path: string): Environment {
  const environment = new Map<string, string>();
  for (const [index, line] of readFileSync(path, 'utf8').split('\n').entries()) {
    if (line === '' || line.startsWith('#')) continue;
    const [, name, value] = /^([A-Z_][A-Z0-9_]*)=(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new Error(`${path}:${index + 1} is not NAME=value`);
    if (environment.has(name)) throw new Error(`${path}:${index + 1} sets ${name} again`);
    environment.set(name, value);
  }
  return Object.fromEntries(environment);
}

/** The least an Airflow needs when nothing is prepared for it: one secret that all its parts share. */
export const createSharedSecret = (): Environment => ({ AIRFLOW__API_AUTH__JWT_SECRET: createSecret() });

/** 64 random bytes, as text. */
export const createSecret = (): string => randomBytes(64).toString('base64url');

/** What every component gets, before the caller's own variables, which win. */
export function componentEnvironment(options: {
  home: string;
  bin: string;
  port: number;
  unusedPort: number;
  databaseUrl: string;
}): Environment {
  const { home, bin, port, unusedPort, databaseUrl } = options;
  const settings = {
    core__dags_folder: `${home}/dags`,
    core__load_examples: 'False',
    core__executor: 'LocalExecutor',
    core__parallelism: '2',
    core__dags_are_paused_at_creation: 'False',
    core__fernet_key: randomBytes(32).toString('base64').replaceAll('+', '-').replaceAll('/', '_'),
    core__execution_api_server_url: `http://127.0.0.1:${port}/execution/`,
    core__simple_auth_manager_users: 'harness:viewer',
    core__simple_auth_manager_passwords_file: `${home}/passwords.json`,
    database__sql_alchemy_conn: databaseUrl,
    database__sql_alchemy_pool_size: '20', // the default of 5 + 10 once stalled under 16 calls at a time
    database__sql_alchemy_max_overflow: '20',
    api__host: '127.0.0.1',
    api__port: `${port}`,
    api__base_url: `http://127.0.0.1:${port}`,
    api__secret_key: createSecret(),
    dag_processor__refresh_interval: '5',
    dag_processor__bundle_refresh_check_interval: '1',
    dag_processor__min_file_process_interval: '5',
    scheduler__scheduler_idle_sleep_time: '0.5',
    logging__worker_log_server_port: `${unusedPort}`, // nobody listens there: the log server would listen on all interfaces
    usage_data_collection__enabled: 'False',
  };
  const prefixed = Object.entries(settings).map(([name, value]) => [`AIRFLOW__${name.toUpperCase()}`, value]);
  return {
    PATH: `${bin}:/usr/local/bin:/usr/bin:/bin`,
    HOME: home,
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    AIRFLOW_HOME: home,
    ...Object.fromEntries(prefixed),
  };
}
