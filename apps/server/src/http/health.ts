/** Whether the server lives, can work, and how it is doing. */
import type { FastifyRequest } from 'fastify';
import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import type { Deps } from '../deps.ts';
import { Problem } from '../problem.ts';
import type { App } from '../routing.ts';
import { findInstallation } from '../store/installation.ts';
import { isLoopback } from './address.ts';

const readinessTimeoutMs = 2000;

/** `/healthz`, `/readyz` and `/metrics`. */
export function registerHealth(app: App, deps: Deps): void {
  app.get('/healthz', { config: { access: 'public' } }, async (_request, reply) => {
    reply.header('cache-control', 'no-store');
    return { status: 'ok' };
  });
  app.get('/readyz', { config: { access: 'public' } }, async (_request, reply) => {
    await answersInTime(deps);
    deps.signingKeys.current('feed'); // throws when there is none: gateways could not be told anything
    reply.header('cache-control', 'no-store');
    return { status: 'ready', database: 'ok', feedKeys: 'ok' };
  });
  registerMetrics(app, deps);
}

/** @throws Problem `store_unavailable` when the database does not answer, or not soon enough to be of use (O-08) */
async function answersInTime(deps: Deps): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${readinessTimeoutMs} ms`)), readinessTimeoutMs);
  });
  try {
    const installation = await Promise.race([findInstallation(deps.read), late]);
    if (!installation) throw new Error('the installation is not there');
  } catch (cause) {
    throw new Problem('store_unavailable', undefined, { cause });
  } finally {
    clearTimeout(timer);
  }
}

let processMetrics: Registry | undefined;

/** Figures of the process, whatever runs in it; collected once, because collecting installs observers that stay. */
function processRegistry(): Registry {
  if (processMetrics) return processMetrics;
  processMetrics = new Registry();
  collectDefaultMetrics({ register: processMetrics });
  return processMetrics;
}

function registerMetrics(app: App, deps: Deps): void {
  const registry = new Registry();
  const labelNames = ['method', 'route', 'status'] as const;
  const requests = new Counter({ name: 'astrolabe_http_requests_total', help: 'Answered requests.', labelNames, registers: [registry] });
  const durations = new Histogram({
    name: 'astrolabe_http_request_duration_seconds',
    help: 'Time from the first byte of a request to the last of its answer.',
    labelNames,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  });
  app.addHook('onResponse', async (request, reply) => {
    // the pattern, not the path: a path would make one series for each id, and may hold what does not belong in it
    const labels = { method: request.method, route: request.routeOptions.url ?? 'unknown', status: String(reply.statusCode) };
    requests.inc(labels);
    durations.observe(labels, reply.elapsedTime / 1000);
  });
  app.get('/metrics', { config: { access: 'public' } }, async (request, reply) => {
    if (!deps.config.metricsForAll && !isDirectLoopback(request)) throw new Problem('not_found');
    const merged = Registry.merge([processRegistry(), registry]);
    reply.type(merged.contentType).header('cache-control', 'no-store');
    return merged.metrics();
  });
}

/** C-05: from this machine and not through a proxy on it, which would make everybody look local. */
function isDirectLoopback(request: FastifyRequest): boolean {
  const { 'x-forwarded-for': forwardedFor, forwarded } = request.headers;
  return forwardedFor === undefined && forwarded === undefined && isLoopback(request);
}
