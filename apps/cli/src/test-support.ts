/** For tests: a real HTTP server in place of the control plane, and one run of the program. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { type ProblemCode, problemBody } from '@astrolabe/contract/problems';
import { onTestFinished } from 'vitest';
import { lineReader } from './lines.ts';
import { run } from './program.ts';

export const organizationId = 'cm0org0000000000000000001';
export const workspaceId = 'cm0wsp0000000000000000001';
export const deploymentId = 'cm0dep0000000000000000001';
export const tokenId = 'cm0tok0000000000000000001';
export const nowMs = Date.parse('2026-11-26T12:00:00Z');

interface Asked {
  readonly method: string;
  /** Path with query, below `/v1`. */
  readonly path: string;
  readonly body: unknown;
  readonly headers: IncomingMessage['headers'];
}

export interface Answer {
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers by `METHOD /path` without query, relative to the organization; anything else is a 404 problem. */
export type Routes = Readonly<Record<string, Answer | ((asked: Asked) => Answer)>>;

export interface FakeApi {
  readonly url: string;
  readonly asked: readonly Asked[];
  /** `METHOD /path?query` of every request, relative to the organization. */
  calls(): string[];
}

export async function startApi(routes: Routes): Promise<FakeApi> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      const path = (request.url ?? '').replace(/^\/v1/, '').replace(`/organizations/${organizationId}`, '');
      const one: Asked = { method: request.method ?? '', path, body: text === '' ? undefined : JSON.parse(text), headers: request.headers };
      asked.push(one);
      const found = routes[`${one.method} ${path.split('?')[0]}`] ?? problem('not_found');
      const { status = 200, body, headers = {} } = typeof found === 'function' ? found(one) : found;
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(typeof body === 'string' || body === undefined ? body : JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo; // listening on TCP
  return { url: `http://127.0.0.1:${port}`, asked, calls: () => asked.map((one) => `${one.method} ${one.path}`) };
}

export function problem(code: ProblemCode, detail?: string): Answer {
  const body = problemBody(code, { requestId: 'b4b0f5de-0000-4000-8000-000000000000', ...(detail === undefined ? {} : { detail }) });
  return { status: body.status, body, headers: { 'content-type': 'application/problem+json' } };
}

/** A value with the claims that existing clients read; nobody checks the signature here. */
export function apiToken(claims: object = {}, signature = 'c2ln'): string {
  const permissions = [`apiTokenId:${tokenId}`, `organizationId:${organizationId}`, `workspaceId:${workspaceId}`];
  return [
    { typ: 'at+jwt', prd: 'astrolabe', alg: 'ES256', kid: 'k' },
    { permissions, ...claims },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .concat(signature)
    .join('.');
}

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Setting {
  readonly api?: FakeApi;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What stands on standard input; none at all when absent. */
  readonly input?: string;
  readonly isTerminal?: boolean;
}

/** Runs a command line as the program would, without a process of its own. */
export async function astro(argv: readonly string[], { api, env = {}, input = '', isTerminal = false }: Setting = {}): Promise<Ended> {
  const written = { stdout: '', stderr: '' };
  const streams = {
    write: (to: 'stdout' | 'stderr', text: string) => {
      written[to] += text;
    },
    flushed: () => Promise.resolve(),
    readLine: lineReader(() => Readable.from(input === '' ? [] : [Buffer.from(input)], { objectMode: false })),
    isInteractive: () => isTerminal,
    hasColour: () => isTerminal,
  };
  const base = { ASTRO_API_TOKEN: apiToken(), ...(api ? { ASTRO_API_URL: api.url } : {}) };
  const code = await run(argv, { streams, env: { ...base, ...env }, now: () => nowMs });
  return { code, ...written };
}

/** A token as the server shows it. */
export function token(changes: object = {}): Record<string, unknown> {
  return {
    id: tokenId,
    name: 'My token',
    description: 'for CI',
    scope: 'DEPLOYMENT',
    type: 'DEPLOYMENT',
    kind: 'STANDARD',
    shortToken: '0a1b2c3d',
    roles: [{ entityType: 'DEPLOYMENT', entityId: deploymentId, role: 'DEPLOYMENT_ADMIN' }],
    startAt: '2026-11-23T11:00:00Z',
    createdAt: '2026-11-23T11:00:00Z',
    updatedAt: '2026-11-23T11:00:00Z',
    createdBy: { id: 'cm0usr0000000000000000001', subjectType: 'USER', fullName: 'Ada L' },
    ...changes,
  };
}

export function deployment(changes: object = {}): Record<string, unknown> {
  return {
    id: deploymentId,
    name: 'production',
    type: 'STANDARD',
    status: 'HEALTHY',
    organizationId,
    workspaceId,
    workspaceName: 'data',
    namespace: 'clear-sky-1234',
    airflowVersion: '3.3.2',
    runtimeVersion: '3.3-2',
    astroRuntimeVersion: '3.3-2',
    imageTag: '3.3-2',
    executor: 'CELERY',
    isCicdEnforced: false,
    isDagDeployEnabled: false,
    isHighAvailability: false,
    isDevelopmentMode: false,
    schedulerReplicas: 1,
    uiUrl: 'http://127.0.0.1:8080',
    webServerUrl: '127.0.0.1:8080',
    webServerAirflowApiUrl: '127.0.0.1:8889/api/v2',
    contactEmails: [],
    environmentVariables: [],
    createdAt: '2026-11-23T11:00:00Z',
    updatedAt: '2026-11-23T11:00:00Z',
    ...changes,
  };
}

/** One page that holds everything. */
export function page(key: string, rows: readonly unknown[]): Answer {
  return { body: { [key]: rows, limit: 100, offset: 0, totalCount: rows.length } };
}
