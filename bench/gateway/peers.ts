/** Whom the gateway is measured beside: nginx, which forwards and asks nothing, and HAProxy, which checks a signature first. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, type Program } from '../../e2e/process.ts';
import { startOnCore } from '../core.ts';
import { nginxConfiguration, startNginx } from '../fake-airflow.ts';

export interface Candidate {
  readonly name: string;
  readonly url: string;
  readonly program: Program;
}

export interface Place {
  readonly folder: string;
  readonly core: number;
  /** Base address of what stands behind. */
  readonly upstreamUrl: string;
}

/** `proxy_pass`, one worker, connections to the upstream kept open. */
export async function startPlainNginx({ folder, core, upstreamUrl }: Place): Promise<Candidate> {
  const port = await freePort();
  const file = join(folder, 'proxy.conf');
  writeFileSync(
    file,
    nginxConfiguration(
      folder,
      'proxy',
      `upstream airflow { server ${new URL(upstreamUrl).host}; keepalive 64; keepalive_requests 1000000000; }
      server {
        listen 127.0.0.1:${port} backlog=1024;
        location / {
          proxy_pass http://airflow;
          proxy_http_version 1.1;
          proxy_set_header Connection "";
        }
      }`,
    ),
  );
  return { name: 'nginx', url: `http://127.0.0.1:${port}`, program: await startNginx('nginx proxy', file, folder, core) };
}

/**
 * The example of HAProxy's own manual for `jwt_verify`, with ES256: algorithm and signature, for each request anew. It looks
 * at neither time, audience, issuer nor rights, and knows no revocation.
 */
export async function startHaproxy({ folder, core, upstreamUrl }: Place, publicKeyPem: string): Promise<Candidate> {
  const port = await freePort();
  const key = join(folder, 'token-key.pem');
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(key, publicKeyPem);
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn 4096
defaults
  mode http
  option http-keep-alive
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend callers
  bind 127.0.0.1:${port}
  http-request set-var(txn.bearer) http_auth_bearer
  http-request set-var(txn.jwt_alg) var(txn.bearer),jwt_header_query('$.alg')
  http-request deny deny_status 401 unless { var(txn.jwt_alg) -m str ES256 }
  http-request deny deny_status 401 unless { var(txn.bearer),jwt_verify(txn.jwt_alg,"${key}") 1 }
  default_backend airflow
backend airflow
  http-reuse always
  server airflow ${new URL(upstreamUrl).host}
`,
  );
  const program = await startOnCore(core, {
    name: 'haproxy',
    command: '/usr/sbin/haproxy',
    args: ['-db', '-f', file],
    environment: { PATH: '/usr/bin:/bin' },
    logFile: join(folder, 'haproxy.log'),
    cwd: folder,
  });
  return { name: 'haproxy', url: `http://127.0.0.1:${port}`, program };
}
