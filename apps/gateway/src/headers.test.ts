import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { buildAnswerHeaders, buildUpstreamHead } from './headers.ts';

/** As Node's parser hands a request over, as far as headers are concerned. */
function requestWith(rawHeaders: readonly string[], method = 'POST'): IncomingMessage {
  const headers: Record<string, string> = {};
  for (let at = 0; at < rawHeaders.length; at += 2) headers[String(rawHeaders[at]).toLowerCase()] = String(rawHeaders[at + 1]);
  return { method, rawHeaders, headers, socket: { remoteAddress: '192.0.2.7' } } as unknown as IncomingMessage;
}

const own = { requestId: 'r-1', authorization: 'Bearer minted' };

function passed(...rawHeaders: string[]): string[] {
  const head = buildUpstreamHead(requestWith(rawHeaders), own);
  if ('refused' in head) throw new Error(head.refused);
  return head.headers;
}

const ours = ['authorization', 'Bearer minted', 'x-request-id', 'r-1', 'x-forwarded-for', '192.0.2.7', 'x-forwarded-proto', 'http'];

describe('what Airflow sees', () => {
  const sent = [
    ...['Authorization', 'Cookie', 'Forwarded', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Forwarded-Prefix'],
    ...[
      'X-Forwarded-User',
      'X-Forwarded-Email',
      'X-Real-IP',
      'X_Forwarded_For',
      'X-Request-Id',
      'X-Remote-User',
      'Remote-User',
      'X-Auth-Request-User',
    ],
    ...[
      'True-Client-IP',
      'CF-Connecting-IP',
      'X-Client-IP',
      'Via',
      'TE',
      'Trailer',
      'Upgrade',
      'Keep-Alive',
      'Expect',
      'Proxy-Authorization',
    ],
    ...[
      'Proxy-Connection',
      'X-HTTP-Method-Override',
      'X-HTTP-Method',
      'X-Method-Override',
      'X-Original-URL',
      'X-Rewrite-URL',
      'Origin',
      'Referer',
    ],
    ...['Sec-WebSocket-Key', 'X-Astrolabe-Token', 'X-Anything'],
  ];

  test.each(sent)('H-03 H-04 is not %s of the caller', (name) => {
    expect(passed(name, 'evil', 'Accept', 'application/json').join('\n')).not.toContain('evil');
  });

  test('is what describes the content and the answer that is wanted, and what the gateway says', () => {
    expect(
      passed('Accept', 'application/x-ndjson', 'CONTENT-TYPE', 'application/json', 'User-Agent', 'curl', 'Content-Length', '2'),
    ).toEqual([
      ...['accept', 'application/x-ndjson', 'content-type', 'application/json', 'user-agent', 'curl', 'content-length', '2'],
      ...ours,
    ]);
  });

  test('has no credential at all where Airflow wants none', () => {
    expect(buildUpstreamHead(requestWith(['Authorization', 'Bearer secret'], 'GET'), { requestId: 'r-1' })).toEqual({
      headers: ours.slice(2),
      hasBody: false,
    });
  });

  test('H-03 has the host that the caller named only when it is one', () => {
    expect(passed('Host', 'gateway.example:8889')).toEqual([...ours, 'x-forwarded-host', 'gateway.example:8889']);
    expect(passed('Host', '[::1]:8889')).toContain('[::1]:8889');
    for (const host of ['a b', 'a/b', 'a@b', 'a,b', '', 'a:b', 'x"y']) expect(passed('Host', host)).toEqual(ours);
  });

  test('H-05 misses what the Connection header names', () => {
    expect(passed('Connection', 'close, Accept , x-y', 'Accept', 'evil', 'Accept-Language', 'de')).toEqual([
      'accept-language',
      'de',
      ...ours,
    ]);
  });
});

describe('framing', () => {
  const refused: readonly (readonly [name: string, rawHeaders: readonly string[], method: string])[] = [
    ['length and chunks', ['Content-Length', '2', 'Transfer-Encoding', 'chunked'], 'POST'],
    ['two equal lengths', ['Content-Length', '2', 'content-length', '2'], 'POST'],
    ['two lengths', ['Content-Length', '2', 'content-length', '3'], 'POST'],
    ['a list of lengths', ['Content-Length', '2, 2'], 'POST'],
    ['a signed length', ['Content-Length', '+2'], 'POST'],
    ['a length in hexadecimal', ['Content-Length', '0x2'], 'POST'],
    ['an endless length', ['Content-Length', '9'.repeat(30)], 'POST'],
    ['an empty length', ['Content-Length', ''], 'POST'],
    ['two codings', ['Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked'], 'POST'],
    ['another coding', ['Transfer-Encoding', 'gzip, chunked'], 'POST'],
    ['a disguised coding', ['Transfer-Encoding', 'xchunked'], 'POST'],
    ['a quoted coding', ['Transfer-Encoding', '"chunked"'], 'POST'],
    ['two credentials', ['Authorization', 'Bearer a', 'authorization', 'Bearer b'], 'POST'],
    ['two hosts', ['Host', 'a', 'Host', 'b'], 'POST'],
    ['two content types', ['Content-Type', 'application/json', 'Content-Type', 'text/plain'], 'POST'],
    ['a GET with a body', ['Content-Length', '2'], 'GET'],
    ['a GET with chunks', ['Transfer-Encoding', 'chunked'], 'GET'],
    ['a DELETE with a body', ['Content-Length', '2'], 'DELETE'],
  ];

  test.each(refused)('H-05 %s is refused', (_name, rawHeaders, method) => {
    expect(buildUpstreamHead(requestWith(rawHeaders, method), own)).toHaveProperty('refused');
  });

  test('says whether there is a body and how long it is', () => {
    expect(buildUpstreamHead(requestWith(['Content-Length', '12']), own)).toMatchObject({ hasBody: true, contentLength: 12 });
    expect(buildUpstreamHead(requestWith(['Transfer-Encoding', 'Chunked']), own)).toMatchObject({ hasBody: true });
    expect(buildUpstreamHead(requestWith(['Content-Length', '0'], 'GET'), own)).toMatchObject({ hasBody: false });
    expect(buildUpstreamHead(requestWith([]), own)).toMatchObject({ hasBody: false });
  });
});

describe('what the caller sees of Airflow’s answer', () => {
  const airflow = { origin: 'http://airflow.internal:8080', prefix: '' };
  const answer = (headers: Record<string, string | string[]>, at = airflow): string[] =>
    buildAnswerHeaders(headers, at, 'r-1').slice(0, -2);

  test('H-03 is not its server, its cookies, its challenge or what concerns one connection', () => {
    const names = [
      'set-cookie',
      'server',
      'via',
      'x-powered-by',
      'www-authenticate',
      'connection',
      'keep-alive',
      'transfer-encoding',
      'trailer',
      'upgrade',
    ];
    expect(
      answer(Object.fromEntries([...names, 'alt-svc', 'refresh', 'content-location', 'clear-site-data'].map((name) => [name, 'x']))),
    ).toEqual([]);
    expect(answer({ 'set-cookie': ['a=1', 'b=2'], vary: ['a', 'b'] })).toEqual(['vary', 'a', 'vary', 'b']);
    expect(answer({ connection: 'x-hop', 'x-hop': '1', etag: '"1"' })).toEqual(['etag', '"1"']);
  });

  test('has the request id of the gateway, whatever Airflow says', () => {
    expect(buildAnswerHeaders({ 'x-request-id': 'theirs' }, airflow, 'r-1')).toEqual(['x-request-id', 'r-1']);
  });

  test('H-04 has a Location only into the public API, and through the gateway', () => {
    const location = (value: string | string[], at = airflow): string | undefined => answer({ location: value }, at)[1];
    expect(location('http://airflow.internal:8080/api/v2/dags/a?x=1')).toBe('/api/v2/dags/a?x=1');
    expect(location('/api/v2/dags/a')).toBe('/api/v2/dags/a');
    expect(location('http://airflow.internal:8080/prefix/api/v2/dags', { ...airflow, prefix: '/prefix' })).toBe('/api/v2/dags');
    for (const value of [
      'http://evil.example/api/v2/dags',
      'http://airflow.internal:8080.evil.example/api/v2/dags',
      'http://airflow.internal:8080@evil.example/api/v2/dags',
      '//evil.example/api/v2/dags',
      '/auth/login?next=/api/v2/dags',
      '/api/v2/../../auth/token',
      '/api/v2/%2e%2e/x',
      '/api/v2',
      'dags/a',
      '',
    ]) {
      expect(location(value), value).toBeUndefined();
    }
    expect(location(['/api/v2/a', '/api/v2/b'])).toBeUndefined();
    expect(location('/api/v2/dags', { ...airflow, prefix: '/prefix' })).toBeUndefined();
  });
});
