import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const metrics = async (more: { headers?: Record<string, string>; remoteAddress?: string } = {}, on = server) =>
  on.app.inject({ method: 'GET', url: '/metrics', ...more });

describe('health', () => {
  test('alive and ready need no credential and are never cached', async () => {
    expect(await server.call(undefined, 'GET', '/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } });
    const ready = await server.call(undefined, 'GET', '/readyz');
    expect(ready).toMatchObject({
      status: 200,
      body: { status: 'ready', database: 'ok', feedKeys: 'ok' },
      headers: { 'cache-control': 'no-store' },
    });
  });

  test('O-02 with the database gone it is alive and not ready', async () => {
    const broken = await startTestServer();
    await broken.deps.read.destroy();
    expect((await broken.call(undefined, 'GET', '/healthz')).status).toBe(200);
    expect(await broken.call(undefined, 'GET', '/readyz')).toMatchObject({ status: 503, body: { code: 'store_unavailable' } });
    await broken.app.close();
  });
});

describe('metrics', () => {
  test('count requests by the pattern of the route, so that no id or secret becomes a label', async () => {
    await server.call(server.ownerToken, 'GET', '/tokens/canary-path');
    await server.call(server.ownerToken, 'GET', '/v1/canary-path');
    const { body, headers } = await metrics();
    expect(headers['content-type']).toContain('text/plain');
    expect(body).toContain(
      'astrolabe_http_requests_total{method="GET",route="/v1/organizations/:organizationId/tokens/:tokenId",status="404"} 1',
    );
    expect(body).toContain('astrolabe_http_requests_total{method="GET",route="unknown",status="404"} 1');
    expect(body).toContain('astrolabe_http_request_duration_seconds_bucket');
    expect(body).toContain('process_resident_memory_bytes');
    expect(body).not.toContain('canary');
    expect(body).not.toContain(server.organizationId);
  });

  test('C-05 are for callers on this machine, not through a proxy on it', async () => {
    for (const remoteAddress of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) expect((await metrics({ remoteAddress })).statusCode).toBe(200);
    const strangers = [
      { remoteAddress: '192.0.2.7' },
      { remoteAddress: '192.0.2.7', headers: { 'x-forwarded-for': '127.0.0.1' } },
      { headers: { 'x-forwarded-for': '192.0.2.7' } },
      { headers: { 'x-forwarded-for': '127.0.0.1' } },
      { headers: { forwarded: 'for=192.0.2.7' } },
    ];
    for (const stranger of strangers) {
      const answer = await metrics(stranger);
      expect([answer.statusCode, answer.json().code]).toEqual([404, 'not_found']);
    }
  });

  test('C-05 unless they were opened to everybody', async () => {
    const open = await startTestServer({ ASTROLABE_SERVER_METRICS_FOR_ALL: 'true' });
    expect((await metrics({ remoteAddress: '192.0.2.7' }, open)).statusCode).toBe(200);
    await open.close();
  });
});
