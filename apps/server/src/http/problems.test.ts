import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { type ProblemCode, problems } from '@astrolabe/contract/problems';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Problem } from '../problem.ts';
import { StoreUnavailable } from '../store/write.ts';
import { startTestServer, type TestServer } from '../testing.ts';

let server: TestServer;
const throws = new Map<string, unknown>();

beforeAll(async () => {
  server = await startTestServer();
  // routes of the test, beside the real ones and behind the same hooks
  server.app.post('/throws/:what', { config: { access: 'public' } }, async (request) => {
    throw throws.get((request.params as { what: string }).what);
  });
  const body = z.strictObject({ name: z.string(), nested: z.strictObject({ age: z.int() }).exactOptional() });
  server.app.post('/takes-a-body', { config: { access: 'public' }, schema: { body: body.partial() } }, async (request) => ({
    got: request.body,
  }));
});
afterAll(() => server.close());

const post = (url: string, payload: string | undefined, type?: string) =>
  server.app.inject({
    method: 'POST',
    url,
    ...(payload === undefined ? {} : { payload }),
    headers: type === undefined ? {} : { 'content-type': type },
  });

describe('H-02 every failure is one body', () => {
  test.each(Object.keys(problems) as ProblemCode[])('%s', async (code) => {
    throws.set(code, new Problem(code, 'What happened.'));
    const answer = await post(`/throws/${code}`, undefined);
    const { status, title } = problems[code];
    expect(answer.statusCode).toBe(status);
    expect(answer.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.json()).toEqual({
      type: `/problems/${code}`,
      title,
      status,
      code,
      detail: 'What happened.',
      requestId: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f-]{27}$/),
      message: 'What happened.',
      statusCode: status,
    });
  });

  test.each([
    ['an error nobody foresaw', new TypeError('canary: select * from token at /srv/secret')],
    ['one of the framework', Object.assign(new Error('canary'), { code: 'FST_ERR_SOMETHING', statusCode: 418 })],
    ['a thrown string', 'canary'],
    ['nothing at all', undefined],
  ])('%s is 500 without a word of it, and the log has the cause', async (name, error) => {
    throws.set(encodeURIComponent(name), error);
    throws.set(name, error);
    const answer = await post(`/throws/${encodeURIComponent(name)}`, undefined);
    expect(answer.statusCode).toBe(500);
    expect(answer.json()).toMatchObject({ code: 'internal', message: problems.internal.title });
    expect(answer.body).not.toContain('canary');
    expect(server.logLines.some((line) => line.includes(answer.json().requestId) && line.includes('"level":50'))).toBe(true);
  });

  test.each([
    ['does not take a write', new StoreUnavailable('canary', { cause: new Error('SQLITE_FULL') })],
    ['is shut down under a read', Object.assign(new Error('canary'), { code: '57P01' })],
    ['is not there', Object.assign(new Error('canary'), { code: 'ECONNREFUSED' })],
    ['hung up', new Error('Connection terminated unexpectedly')],
    ['does not answer', new Error('Query read timeout')],
  ])('O-02 a database that %s is 503 with Retry-After, not 500', async (name, error) => {
    throws.set(name, error);
    const answer = await post(`/throws/${encodeURIComponent(name)}`, undefined);
    expect([answer.statusCode, answer.json().code, answer.headers['retry-after']]).toEqual([503, 'store_unavailable', '1']);
    expect(answer.body).not.toContain('canary');
  });

  test('validation names each rule that was broken, an unknown field by its whole path', async () => {
    const answer = await post('/takes-a-body', '{"name":1,"nested":{"age":1,"sex":"x"},"admin":true}', 'application/json');
    expect(answer.statusCode).toBe(400);
    expect(answer.json().fieldErrors).toEqual(
      expect.arrayContaining([
        { code: 'invalid_type', field: 'name', message: expect.any(String) },
        { code: 'unknown_field', field: 'nested.sex', message: 'is not a field of this request' },
        { code: 'unknown_field', field: 'admin', message: 'is not a field of this request' },
      ]),
    );
  });
});

describe('paths', () => {
  test('an unknown one is a JSON 404, with or without a token', async () => {
    for (const path of ['/v1/nothing', '/v2/organizations', '/nothing', '/V1/organizations']) {
      expect(await server.call(undefined, 'GET', path), path).toMatchObject({ status: 404, body: { code: 'not_found' } });
      expect(await server.call(server.ownerToken, 'GET', path), path).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }
  });

  test.each(['PUT', 'PATCH', 'HEAD', 'OPTIONS'] as const)('H-07 a known one with %s is 405 and says what it knows', async (method) => {
    const answer = await server.app.inject({ method, url: `/v1/organizations/${server.organizationId}/tokens?limit=1` });
    expect([answer.statusCode, answer.headers.allow]).toEqual([405, 'GET, POST']);
  });

  test('H-08 the body for a path that is not there is not read, whoever sends it', async () => {
    for (const [method, url, status] of [
      ['POST', '/v1/nothing', 404],
      ['PUT', '/v1/organizations', 405],
    ] as const) {
      const answer = await server.app.inject({ method, url, headers: { 'content-type': 'application/json' }, payload: '{' });
      expect([answer.statusCode, answer.json().statusCode]).toEqual([status, status]); // 400 to whoever reads it
    }
  });

  test('H-07 override headers are ignored', async () => {
    const answer = await server.app.inject({
      method: 'GET',
      url: '/healthz',
      headers: { 'x-http-method-override': 'DELETE', 'x-method': 'PUT' },
    });
    expect(answer.statusCode).toBe(200);
  });

  test('one that cannot be decoded is 400, and is not repeated', async () => {
    const answer = await server.app.inject({ method: 'GET', url: '/v1/%zz-canary' });
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'invalid_request']);
    expect(answer.body).not.toContain('canary');
  });
});

describe('bodies', () => {
  test('none, an empty one and an empty one that claims to be JSON are an empty object', async () => {
    for (const [payload, type] of [
      [undefined, undefined],
      ['', 'application/json'],
      ['  \n', 'application/json; charset=utf-8'],
    ] as const) {
      const answer = await post('/takes-a-body', payload, type);
      expect([answer.statusCode, answer.json()]).toEqual([200, { got: {} }]);
    }
  });

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/xml',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'nonsense',
  ])('H-13 %s is 415', async (type) => {
    const answer = await post('/takes-a-body', '{"name":"x"}', type);
    expect([answer.statusCode, answer.json().code]).toEqual([415, 'unsupported_media_type']);
  });

  test.each(['{', '{"name":"x"', 'null,', '\u0000', '{"__proto__":{"admin":true}}', '{"nested":{"__proto__":1}}'])(
    '%j is not read: 400',
    async (text) => {
      const answer = await post('/takes-a-body', text, 'application/json');
      expect([answer.statusCode, answer.json().code]).toEqual([400, 'invalid_request']);
    },
  );

  test.each([
    ['unknown fields', `{${Array.from({ length: 90_000 }, (_, index) => `"${index.toString(36)}":1`).join(',')}}`],
    ['one long unknown field', `{"${'k'.repeat(1_000_000)}":1}`],
    ['empty variables', `{"environmentVariables":[${Array(330_000).fill('{}').join(',')}]}`],
    ['empty queues', `{"workerQueues":[${Array(330_000).fill('{}').join(',')}]}`],
  ])('H-08 a megabyte of %s is answered in a few lines', async (_name, payload) => {
    const answer = await server.app.inject({
      method: 'POST',
      url: `/v1/organizations/${server.organizationId}/deployments/${server.deploymentId}`,
      headers: { authorization: `Bearer ${server.ownerToken}`, 'content-type': 'application/json' },
      payload,
    });
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'invalid_request']);
    expect(answer.body.length).toBeLessThan(20_000);
  });

  test('more broken rules than are named are counted', async () => {
    const answer = await post(
      '/takes-a-body',
      JSON.stringify(Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`k${i}`, 1]))),
      'application/json',
    );
    expect(answer.json().fieldErrors).toHaveLength(100);
    expect(answer.json().message).toMatch(/; and 50 more$/);
  });

  test('H-08 more than a megabyte is 413', async () => {
    const answer = await post('/takes-a-body', JSON.stringify({ name: 'x'.repeat(1024 * 1024) }), 'application/json');
    expect([answer.statusCode, answer.json().code]).toEqual([413, 'body_too_large']);
  });
});

describe('what Node refuses before there is a request', () => {
  const send = async (text: string): Promise<string> => {
    if (!server.app.server.listening) await server.app.listen({ host: '127.0.0.1', port: 0 });
    const socket = connect((server.app.server.address() as AddressInfo).port, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => {
      answer += String(chunk);
    });
    socket.write(text);
    await once(socket, 'close');
    return answer;
  };

  test.each([
    [
      'H-05 length and transfer-encoding',
      'POST /v1/organizations HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['H-05 two lengths', 'POST /v1/organizations HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n'],
    ['H-05 a line feed in a header', 'GET /healthz HTTP/1.1\r\nhost: x\r\nx: a\nb\r\n\r\n'],
    ['F-04 headers larger than Node takes', `GET /healthz HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${'a'.repeat(20_000)}\r\n\r\n`],
    ['something else', 'canary\r\n\r\n'],
  ])('%s is a problem and the end of the connection', async (_name, text) => {
    const answer = await send(text);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('content-type: application/problem+json');
    expect(answer).not.toContain('canary');
    expect(JSON.parse(answer.slice(answer.indexOf('{')))).toMatchObject({ code: 'invalid_request', statusCode: 400 });
  });

  test('H-08 a request has a minute to arrive, its headers and its body', () => {
    expect([server.app.server.requestTimeout, server.app.server.headersTimeout]).toEqual([60_000, 60_000]);
  });

  test('a caller that goes away in the middle of its body wakes nobody', async () => {
    if (!server.app.server.listening) await server.app.listen({ host: '127.0.0.1', port: 0 });
    const before = server.logLines.length;
    const arrived = once(server.app.server, 'request');
    const socket = connect((server.app.server.address() as AddressInfo).port, '127.0.0.1');
    socket.write('POST /takes-a-body HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"na');
    const [request] = await arrived;
    const closed = once(request.socket, 'close');
    socket.destroy();
    await closed;
    await new Promise(setImmediate);
    for (const line of server.logLines.slice(before)) expect(JSON.parse(line).level).toBeLessThan(40);
  });
});
