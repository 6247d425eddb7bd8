import { once } from 'node:events';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type RequestListener,
  type Server,
} from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { type AirflowProxy, createProxy, type ProxyFault, type ProxyOptions, type Upstream } from './proxy.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function listen(listener: RequestListener): Promise<{ server: Server; port: number }> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { server, port: (server.address() as AddressInfo).port };
}

interface Gateway {
  readonly port: number;
  readonly airflowPort: number;
  readonly faults: ProxyFault[];
  readonly proxy: AirflowProxy;
}

/** A gateway that lets everything pass, before an Airflow that does what the test says. */
async function gatewayBefore(
  airflow: RequestListener,
  options: Partial<ProxyOptions> = {},
  decided: Partial<Upstream> = {},
): Promise<Gateway> {
  const { port: airflowPort } = await listen(airflow);
  const faults: ProxyFault[] = [];
  const proxy = createProxy({ airflowUrl: `http://127.0.0.1:${airflowPort}`, onFault: (fault) => faults.push(fault), ...options });
  closers.push(() => proxy.close());
  const { port } = await listen((request, response) => {
    proxy.forward(request, response, {
      target: request.url ?? '',
      authorization: 'Bearer minted',
      requestId: 'r-1',
      caller: 'c',
      ...decided,
    });
  });
  return { port, airflowPort, faults, proxy };
}

interface Sent {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Buffer | Readable;
}

/** Sends a request; what comes back is not read yet. */
async function send(port: number, path: string, { method = 'GET', headers = {}, body }: Sent = {}): Promise<IncomingMessage> {
  const request = httpRequest({ port, host: '127.0.0.1', path, method, headers, agent: false });
  request.on('error', () => undefined); // a connection that is cut after its answer began
  if (body instanceof Readable) body.pipe(request);
  else request.end(body);
  const [response] = await once(request, 'response');
  return response;
}

const json = async (response: IncomingMessage): Promise<unknown> => JSON.parse(await text(response));

describe('a forwarded request', () => {
  test('H-03 H-04 reaches Airflow with what the gateway says and nothing that the caller says about itself', async () => {
    let seen: IncomingMessage | undefined;
    const gateway = await gatewayBefore((request, response) => {
      seen = request;
      response.end();
    });
    const headers = {
      authorization: 'Bearer the-callers',
      cookie: '_token=x',
      'x-forwarded-for': '1.2.3.4',
      'x-http-method-override': 'DELETE',
      accept: 'application/json',
    };
    await text(await send(gateway.port, '/api/v2/dags/a', { headers }));
    expect(seen?.method).toBe('GET');
    expect(seen?.url).toBe('/api/v2/dags/a');
    expect(seen?.headers).toEqual({
      host: `127.0.0.1:${gateway.airflowPort}`,
      connection: 'keep-alive',
      accept: 'application/json',
      authorization: 'Bearer minted',
      'x-request-id': 'r-1',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': `127.0.0.1:${gateway.port}`,
    });
  });

  test('brings its body and gets its answer byte for byte, with a length and in chunks', async () => {
    const gateway = await gatewayBefore((request, response) => {
      response.writeHead(200, { 'x-length': request.headers['content-length'] ?? 'none' });
      request.pipe(response);
    });
    const body = Buffer.alloc(3_000_000, 'abcdefg');
    const whole = await send(gateway.port, '/x', { method: 'POST', body, headers: { 'content-length': body.length } });
    expect(whole.headers['x-length']).toBe(String(body.length));
    expect((await buffer(whole)).equals(body)).toBe(true);
    const chunked = await send(gateway.port, '/x', { method: 'POST', body: Readable.from([body.subarray(0, 7), body.subarray(7)]) });
    expect(chunked.headers['x-length']).toBe('none');
    expect((await buffer(chunked)).equals(body)).toBe(true);
  });

  test.each([1, 256, 16_384, 16_385])('gets an answer of %i bytes of every value as it is, whole or in pieces', async (size) => {
    const bytes = Buffer.from(Uint8Array.from({ length: size }, (_, index) => 255 - (index % 256)));
    const gateway = await gatewayBefore((_request, response) => response.writeHead(200, { 'content-length': size }).end(bytes));
    const answer = await send(gateway.port, '/log');
    expect(answer.headers['content-length']).toBe(String(size));
    expect(Buffer.compare(await buffer(answer), bytes)).toBe(0);
  });

  test('goes under the path of Airflow’s address', async () => {
    const { port } = await listen((request, response) => response.end(request.url));
    const proxy = createProxy({ airflowUrl: `http://127.0.0.1:${port}/airflow/` });
    closers.push(() => proxy.close());
    const front = await listen((request, response) =>
      proxy.forward(request, response, { target: '/api/v2/version', requestId: 'r-1', caller: 'c' }),
    );
    expect(await text(await send(front.port, '/'))).toBe('/airflow/api/v2/version');
  });

  test('with Expect: 100-continue is asked for its body', async () => {
    const gateway = await gatewayBefore((request, response) => void request.pipe(response));
    const request = httpRequest({ port: gateway.port, method: 'POST', headers: { expect: '100-continue', 'content-length': 2 } });
    request.flushHeaders();
    await once(request, 'continue');
    request.end('{}');
    const [response] = await once(request, 'response');
    expect(await text(response)).toBe('{}');
  });

  test('H-08 is not sent for a caller who left while it was decided, and holds no connection', async () => {
    let received = 0;
    const { port: airflowPort } = await listen(() => received++);
    const proxy = createProxy({ airflowUrl: `http://127.0.0.1:${airflowPort}`, connections: 1 });
    closers.push(() => proxy.close());
    const decided = Promise.withResolvers<void>();
    const front = await listen((request, response) => {
      response.once('close', () => {
        proxy.forward(request, response, { target: '/api/v2/version', requestId: 'r-1', caller: 'c', streams: true });
        decided.resolve();
      });
      request.socket.destroy();
    });
    await expect(send(front.port, '/')).rejects.toThrow();
    await decided.promise;
    await delay(50);
    expect(received).toBe(0);
  });

  test('is sent once, even when Airflow hangs up on it', async () => {
    let received = 0;
    const gateway = await gatewayBefore((request) => {
      received++;
      request.socket.destroy();
    });
    const response = await send(gateway.port, '/x');
    expect(response.statusCode).toBe(502);
    expect(await json(response)).toMatchObject({ code: 'airflow_unreachable', status: 502, requestId: 'r-1' });
    expect(received).toBe(1);
    expect(gateway.faults).toMatchObject([{ requestId: 'r-1', kind: 'airflow_unreachable' }]);
  });
});

describe('an answer', () => {
  test('keeps status, coding and headers, and loses those of Airflow’s server', async () => {
    const body = gzipSync('{"dags":[]}');
    const gateway = await gatewayBefore((_request, response) => {
      response.writeHead(404, [
        ...[
          'content-type',
          'application/json',
          'content-encoding',
          'gzip',
          'content-length',
          String(body.length),
          'date',
          'Thu, 26 Nov 2026 12:00:00 GMT',
        ],
        ...['server', 'uvicorn', 'set-cookie', '_token=x', 'airflow-continuation-token', 'abc', 'location', 'http://elsewhere.example/'],
      ]);
      response.end(body);
    });
    const response = await send(gateway.port, '/x');
    expect(response.statusCode).toBe(404);
    expect(response.headers).toEqual({
      'content-type': 'application/json',
      'content-encoding': 'gzip',
      'content-length': String(body.length),
      date: 'Thu, 26 Nov 2026 12:00:00 GMT',
      'airflow-continuation-token': 'abc',
      'x-request-id': 'r-1',
      connection: 'close',
    });
    expect((await buffer(response)).equals(body)).toBe(true);
  });

  test.each([204, 304])('of status %i has no body, and the connection goes on', async (status) => {
    const gateway = await gatewayBefore((_request, response) => response.writeHead(status).end());
    for (let round = 0; round < 2; round++) {
      const response = await send(gateway.port, '/x');
      expect(response.statusCode).toBe(status);
      expect(await text(response)).toBe('');
    }
  });

  test('after an early hint is the final one', async () => {
    const gateway = await gatewayBefore((_request, response) => {
      response.writeEarlyHints({ link: '</a>; rel=preload' });
      response.end('final');
    });
    expect(await text(await send(gateway.port, '/x'))).toBe('final');
  });

  test('arrives line by line while Airflow goes on writing, its head first', async () => {
    let finish = (): void => undefined;
    const gateway = await gatewayBefore(
      (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/x-ndjson' }).flushHeaders();
        finish = () => {
          response.write('{"state":"running"}\n');
          finish = () => response.end('{"state":"success"}\n');
        };
      },
      {},
      { streams: true },
    );
    const response = await send(gateway.port, '/x');
    finish();
    const [line] = await once(response, 'data');
    expect(String(line)).toBe('{"state":"running"}\n');
    finish();
    expect(await text(response)).toBe('{"state":"success"}\n');
  });

  test('is not taken out of Airflow faster than the caller reads', async () => {
    const total = 64 * 1024 * 1024;
    let written = 0;
    const gateway = await gatewayBefore((_request, response) => {
      const chunk = Buffer.alloc(64 * 1024);
      const more = (): void => {
        while (written < total) {
          written += chunk.length;
          if (!response.write(chunk)) return void response.once('drain', more);
        }
        response.end();
      };
      more();
    });
    const response = await send(gateway.port, '/x');
    let before = -1;
    while (before !== written) {
      before = written;
      await delay(100);
    }
    expect(written).toBeLessThan(total / 2);
    let read = 0;
    for await (const chunk of response) read += chunk.length;
    expect(read).toBe(total);
  });

  test('that Airflow gives before it has read the body still arrives', async () => {
    const gateway = await gatewayBefore((_request, response) => response.writeHead(403).end('no'));
    const body = Readable.from([Buffer.alloc(1000), Buffer.alloc(1000)]);
    const response = await send(gateway.port, '/x', { method: 'POST', body });
    expect(response.statusCode).toBe(403);
    expect(await text(response)).toBe('no');
  });

  test('401 of Airflow is the gateway’s fault and not the caller’s', async () => {
    const gateway = await gatewayBefore((_request, response) => response.writeHead(401, { 'www-authenticate': 'Bearer' }).end('{}'));
    const response = await send(gateway.port, '/x');
    expect(response.statusCode).toBe(502);
    expect(response.headers['www-authenticate']).toBeUndefined();
    expect(await json(response)).toMatchObject({
      code: 'airflow_unreachable',
      detail: 'Airflow did not accept the credential of the gateway.',
    });
    expect(gateway.faults).toEqual([{ requestId: 'r-1', kind: 'airflow_refused_us' }]);
  });
});

describe('when one side goes away', () => {
  test('Airflow hears that the caller is gone', async () => {
    let gone: Promise<unknown> | undefined;
    const gateway = await gatewayBefore((_request, response) => {
      gone = once(response, 'close');
      response.write('first');
    });
    const response = await send(gateway.port, '/x');
    await once(response, 'data');
    response.destroy();
    await gone;
    expect(gateway.faults).toEqual([]);
  });

  test('Airflow hears it also before it has answered, and while the body is on its way', async () => {
    for (const sent of [{}, { method: 'POST', headers: { 'content-length': 100 } }]) {
      const arrived = Promise.withResolvers<IncomingMessage>();
      const gateway = await gatewayBefore((request) => arrived.resolve(request));
      const request = httpRequest({ port: gateway.port, ...sent });
      request.on('error', () => undefined);
      if (sent.method === undefined) request.end();
      else request.write('part');
      const upstream = await arrived.promise;
      const gone = new Promise((resolve) => upstream.socket.once('close', resolve));
      request.destroy();
      await gone;
      expect(upstream.complete).toBe(sent.method === undefined);
    }
  });

  test('the caller sees a cut connection and never half an answer as a whole one', async () => {
    for (const head of [{ 'content-length': 1000 }, {}]) {
      const gateway = await gatewayBefore((_request, response) => {
        response.writeHead(200, head);
        response.write('part');
        setImmediate(() => response.destroy());
      });
      await expect(send(gateway.port, '/x').then(text)).rejects.toThrow(/aborted/);
      expect(gateway.faults).toMatchObject([{ kind: 'airflow_unreachable' }]);
    }
  });

  test('502 when there is no Airflow, with nothing of its address', async () => {
    const { server, port } = await listen(() => undefined);
    await new Promise((resolve) => server.close(resolve));
    const gateway = await gatewayBefore(() => undefined, { airflowUrl: `http://127.0.0.1:${port}` });
    const response = await send(gateway.port, '/x', { method: 'POST', body: Buffer.from('{}') });
    expect(response.statusCode).toBe(502);
    expect(response.headers['content-type']).toBe('application/problem+json');
    const body = await text(response);
    expect(JSON.parse(body)).toMatchObject({ code: 'airflow_unreachable', detail: 'Airflow did not answer' });
    expect(body).not.toContain(String(port));
  });

  test('closing the proxy ends what is under way', async () => {
    const arrived = Promise.withResolvers<void>();
    const gateway = await gatewayBefore(() => arrived.resolve());
    const pending = send(gateway.port, '/x');
    await arrived.promise;
    await gateway.proxy.close();
    expect((await pending).statusCode).toBe(502);
  });
});

describe('limits', () => {
  test('H-08 504 when Airflow does not begin to answer in time', async () => {
    let gone: Promise<unknown> | undefined;
    const never: RequestListener = (request) => {
      gone = once(request.socket, 'close');
    };
    const gateway = await gatewayBefore(never, { answerTimeoutMs: 60 });
    const response = await send(gateway.port, '/x');
    expect(response.statusCode).toBe(504);
    expect(await json(response)).toMatchObject({ code: 'airflow_timeout' });
    await gone;
  });

  test('H-08 504 also for those that wait for a connection', async () => {
    const gateway = await gatewayBefore(() => undefined, { answerTimeoutMs: 60, connections: 1 });
    const responses = await Promise.all([send(gateway.port, '/x'), send(gateway.port, '/x'), send(gateway.port, '/x')]);
    expect(responses.map(({ statusCode }) => statusCode)).toEqual([504, 504, 504]);
  });

  test('H-08 an answer that pauses for too long is cut, one that streams by nature is not', async () => {
    const pausing: RequestListener = (_request, response) => {
      response.write('first');
      setTimeout(() => response.end('last'), 250);
    };
    const cut = await gatewayBefore(pausing, { idleTimeoutMs: 60 });
    await expect(send(cut.port, '/x').then(text)).rejects.toThrow(/aborted/);
    const stream = await gatewayBefore(pausing, { idleTimeoutMs: 60 }, { streams: true });
    expect(await text(await send(stream.port, '/x'))).toBe('firstlast');
  });

  test('H-08 a caller that does not read is cut, and Airflow is free again', async () => {
    let gone: Promise<unknown> | undefined;
    const gateway = await gatewayBefore(
      (_request, response) => {
        gone = once(response, 'close');
        const more = (): void => {
          while (response.write(Buffer.alloc(1_000_000)));
          response.once('drain', more);
        };
        more();
      },
      { idleTimeoutMs: 100 },
    );
    await send(gateway.port, '/x');
    await gone;
  });

  test('H-08 413 for a body that says it is too large, before Airflow hears of it', async () => {
    let received = 0;
    const gateway = await gatewayBefore(() => void received++, { maxBodyBytes: 1000 });
    const response = await send(gateway.port, '/x', { method: 'POST', body: Buffer.alloc(1001), headers: { 'content-length': 1001 } });
    expect(response.statusCode).toBe(413);
    expect(await json(response)).toMatchObject({ code: 'body_too_large', detail: 'The body may have at most 1000 bytes.' });
    expect(received).toBe(0);
  });

  test('H-08 413 for one that only turns out to be, and Airflow never takes the part for the whole', async () => {
    const outcomes: string[] = [];
    const gateway = await gatewayBefore(
      (request) => {
        request.resume();
        request.on('end', () => outcomes.push('end'));
        request.on('error', () => outcomes.push('aborted'));
      },
      { maxBodyBytes: 1000 },
    );
    const response = await send(gateway.port, '/x', { method: 'POST', body: Readable.from([Buffer.alloc(900), Buffer.alloc(900)]) });
    expect(response.statusCode).toBe(413);
    expect(outcomes).not.toContain('end');
  });

  test('a body of exactly the limit passes', async () => {
    const gateway = await gatewayBefore((request, response) => void request.resume().on('end', () => response.end('ok')), {
      maxBodyBytes: 1000,
    });
    expect(await text(await send(gateway.port, '/x', { method: 'POST', body: Buffer.alloc(1000) }))).toBe('ok');
    expect(await text(await send(gateway.port, '/x', { method: 'POST', body: Readable.from([Buffer.alloc(1000)]) }))).toBe('ok');
  });

  test('429 when as many streaming answers are open as may be, until one ends', async () => {
    const open: (() => void)[] = [];
    const gateway = await gatewayBefore(
      (_request, response) => {
        response.write('x');
        open.push(() => response.end());
      },
      { maxStreams: 1 },
      { streams: true },
    );
    const first = await send(gateway.port, '/x');
    const second = await send(gateway.port, '/x');
    expect(second.statusCode).toBe(429);
    expect(second.headers['retry-after']).toBe('1');
    open[0]?.();
    await text(first);
    expect((await send(gateway.port, '/x')).statusCode).toBe(200);
  });

  /** Two connections to an Airflow that never answers `/hang`; the caller is who the request says. */
  async function crowded(streams: boolean): Promise<number> {
    const { port: airflowPort } = await listen((request, response) => {
      if (request.url !== '/hang') response.end();
      else if (streams) response.write('x');
    });
    const proxy = createProxy({ airflowUrl: `http://127.0.0.1:${airflowPort}`, connections: 2, maxStreams: 2 });
    closers.push(() => proxy.close());
    const front = await listen((request, response) => {
      proxy.forward(request, response, {
        target: request.url ?? '',
        requestId: 'r-1',
        caller: String(request.headers['x-caller']),
        streams,
      });
    });
    return front.port;
  }

  test('H-08 a caller that sends its bodies slowly keeps nobody else out', async () => {
    const port = await crowded(false);
    const slow = Array.from({ length: 8 }, () => {
      const request = httpRequest({ port, method: 'POST', path: '/hang', agent: false, headers: { 'x-caller': 'a', 'content-length': 9 } });
      request.on('error', () => undefined).write('{');
      return request;
    });
    await delay(50);
    expect((await send(port, '/x', { headers: { 'x-caller': 'b' } })).statusCode).toBe(200);
    for (const request of slow) request.destroy();
    expect((await send(port, '/x', { headers: { 'x-caller': 'a' } })).statusCode).toBe(200);
  });

  test('H-08 a caller gets half of the streaming answers at most', async () => {
    const port = await crowded(true);
    expect((await send(port, '/hang', { headers: { 'x-caller': 'a' } })).statusCode).toBe(200);
    expect((await send(port, '/hang', { headers: { 'x-caller': 'a' } })).statusCode).toBe(429);
    expect((await send(port, '/hang', { headers: { 'x-caller': 'b' } })).statusCode).toBe(200);
  });
});

describe('on the wire', () => {
  /** Sends bytes as they are and reads until the gateway hangs up. */
  async function raw(port: number, bytes: string): Promise<string> {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.end(bytes);
    return text(socket);
  }

  const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';
  const post = (headers: string, body: string): string => `POST /x HTTP/1.1\r\nHost: x\r\n${headers}\r\n\r\n${body}`;
  test.each([
    ['length and chunks', post(`Content-Length: ${smuggled.length + 5}\r\nTransfer-Encoding: chunked`, `0\r\n\r\n${smuggled}`)],
    ['chunks and length', post('Transfer-Encoding: chunked\r\nContent-Length: 5', `0\r\n\r\n${smuggled}`)],
    ['two lengths', post('Content-Length: 0\r\nContent-Length: 2', `{}${smuggled}`)],
    ['a disguised coding', post('Transfer-Encoding: xchunked', `0\r\n\r\n${smuggled}`)],
    ['a coding behind a tab', post('Transfer-Encoding:\tidentity', smuggled)],
    ['two codings', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', `0\r\n\r\n${smuggled}`)],
    ['a space before the colon', post('Transfer-Encoding : chunked', `0\r\n\r\n${smuggled}`)],
    ['a folded header', post('X-A: b\r\n Transfer-Encoding: chunked', `0\r\n\r\n${smuggled}`)],
    ['a lone line feed', `POST /x HTTP/1.1\nHost: x\nContent-Length: 0\n\n${smuggled}`],
    ['a lone carriage return', post('X-A: b\rContent-Length: 2', smuggled)],
    ['a NUL in a header', post('X-A: b\0c\r\nContent-Length: 0', smuggled)],
    ['a length with a sign', post('Content-Length: +2', `{}${smuggled}`)],
    ['a chunk of a bad size', post('Transfer-Encoding: chunked', `0x2\r\n{}\r\n0\r\n\r\n${smuggled}`)],
    ['chunks in HTTP/1.0', post('Transfer-Encoding: chunked\r\nConnection: keep-alive', `0\r\n\r\n${smuggled}`).replace('1.1', '1.0')],
    ['a GET with a body', `GET /x HTTP/1.1\r\nHost: x\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`],
    ['two credentials', `GET /x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n`],
    ['HTTP/2 without asking', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ])('H-05 %s gets 400 and nothing of it is a request in Airflow', async (_name, bytes) => {
    const seen: (string | undefined)[] = [];
    const gateway = await gatewayBefore((request, response) => {
      seen.push(request.url);
      request
        .on('error', () => undefined)
        .resume()
        .on('end', () => response.end());
    });
    expect(await raw(gateway.port, bytes)).toMatch(/^HTTP\/1\.1 400 /);
    expect(seen).not.toContain('/smuggled');
  });

  test('H-05 a request whose end is not clear is the last on its connection', async () => {
    const gateway = await gatewayBefore((_request, response) => response.end());
    const socket = connect(gateway.port, '127.0.0.1');
    socket.write(post('Transfer-Encoding: gzip, chunked', '0\r\n\r\n'));
    const received = await text(socket); // which ends only because the gateway hangs up
    expect(received).toMatch(/^HTTP\/1\.1 400 /);
    expect(received).toMatch(/^connection: close\r$/im);
  });
});

test('an address that is not one of a server is refused at the start, and not quoted', () => {
  for (const airflowUrl of ['ftp://x', 'http://user:secret@x', 'http://x/?token=secret', 'http://x/#secret']) {
    expect(() => createProxy({ airflowUrl })).toThrow(/^the address of Airflow must be/);
  }
});
