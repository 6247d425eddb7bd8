/**
 * Something that answers like Airflow, only much faster: nginx with 1 KB under the path of one real route. Where the proxy
 * is what is measured, a real Airflow would be the only thing to be seen.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, type Program, waitUntil } from '../e2e/process.ts';
import { startOnCore } from './core.ts';

/** `GET /api/v2/dags/{dag_id}` */
export const airflowPath = '/api/v2/dags/orders_daily';
export const answerBytes = 1024;

/** Starts it; `folder` is the caller's to remove. */
export async function startFakeAirflow(folder: string, core: number): Promise<{ url: string; program: Program }> {
  const port = await freePort();
  const file = join(folder, 'airflow.conf');
  writeFileSync(
    file,
    nginxConfiguration(
      folder,
      'airflow',
      `server {
        listen 127.0.0.1:${port} backlog=1024;
        default_type application/json;
        location = ${airflowPath} { return 200 '${answer()}'; }
        location = /api/v2/version { return 200 '{"version":"3.3.2"}'; }
      }`,
    ),
  );
  const url = `http://127.0.0.1:${port}`;
  const program = await startNginx('fake Airflow', file, folder, core);
  await waitUntil(url, async () => ((await fetch(url + airflowPath)).ok ? true : undefined), {
    programs: [program],
    timeoutMs: 10_000,
    everyMs: 50,
  });
  return { url, program };
}

export function startNginx(name: string, file: string, folder: string, core: number): Promise<Program> {
  return startOnCore(core, {
    name,
    command: '/usr/sbin/nginx',
    args: ['-e', 'stderr', '-p', folder, '-c', file],
    environment: { PATH: '/usr/bin:/bin' },
    logFile: join(folder, `${name.replace(' ', '-')}.log`),
    cwd: folder,
  });
}

/** One worker, in the foreground, with nothing written on the way and connections that stay open. */
export function nginxConfiguration(folder: string, name: string, http: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${folder}/${name}-${kind};`);
  return `daemon off;
  worker_processes 1;
  pid ${folder}/${name}.pid;
  error_log stderr warn;
  events { worker_connections 1024; }
  http {
    access_log off;
    keepalive_requests 1000000000;
    tcp_nodelay on;
    ${temporary.join(' ')}
    ${http}
  }
`;
}

/** What Airflow says about a Dag, filled up to 1 KB. */
function answer(): string {
  const dag = {
    dag_id: 'orders_daily',
    dag_display_name: 'orders_daily',
    is_paused: false,
    is_stale: false,
    last_parsed_time: '2026-11-01T06:00:00.000000Z',
    bundle_name: 'dags-folder',
    bundle_version: null,
    fileloc: '/opt/airflow/dags/orders.py',
    relative_fileloc: 'orders.py',
    timetable_summary: '0 6 * * *',
    tags: [{ name: 'orders', dag_id: 'orders_daily', dag_display_name: 'orders_daily' }],
    max_active_tasks: 16,
    max_active_runs: 16,
    has_task_concurrency_limits: false,
    has_import_errors: false,
    next_dagrun_run_after: '2026-11-02T06:00:00Z',
    owners: ['data'],
    description: '',
  };
  const text = JSON.stringify(dag);
  return text.replace(/"description":""/, `"description":"${'-'.repeat(answerBytes - text.length)}"`);
}
