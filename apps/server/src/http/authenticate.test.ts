import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';

let server: TestServer;
let proxied: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  proxied = await startTestServer({ ASTROLABE_SERVER_TRUST_PROXY: 'true' });
});
afterAll(async () => {
  await server.close();
  await proxied.close();
});

const get = (headers: Record<string, string>, url = '/v1/organizations', more: { remoteAddress?: string } = {}, on = server) =>
  on.app.inject({ method: 'GET', url, headers, ...more });

const bearer = (token = server.ownerToken) => ({ authorization: `Bearer ${token}` });

describe('H-01 how a refusal says what to do', () => {
  test('no credential: 401 with a challenge and no error attribute', async () => {
    const answer = await get({});
    expect([answer.statusCode, answer.headers['www-authenticate']]).toEqual([401, 'Bearer realm="astrolabe"']);
  });

  test.each([
    ['garbage', 'Bearer garbage'],
    ['another scheme', 'Basic YTpi'],
    ['no value', 'Bearer'],
    ['two values', 'Bearer a b'],
    ['a foreign JWT', 'Bearer eyJhbGciOiJub25lIn0.e30.'],
  ])('%s: 401 invalid_token', async (_name, authorization) => {
    const answer = await get({ authorization });
    expect([answer.statusCode, answer.headers['www-authenticate']]).toEqual([401, 'Bearer realm="astrolabe", error="invalid_token"']);
    expect(answer.json()).toMatchObject({ code: 'invalid_token', message: 'The token is not valid' });
  });

  test('a missing right: 403 insufficient_scope', async () => {
    const { token } = await server.makeToken({ role: 'ORGANIZATION_MEMBER' });
    const answer = await server.call(token, 'POST', `/v1/organizations/${server.organizationId}/workspaces`, { name: 'x' });
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([403, 'Bearer realm="astrolabe", error="insufficient_scope"']);
  });

  test('the scheme is read without regard to case, as RFC 9110 says', async () => {
    expect((await get({ authorization: `bearer ${server.ownerToken}` })).statusCode).toBe(200);
  });
});

describe('which values are let in', () => {
  test('F-05 a revoked, an expired, a rotated and an altered value get the answer of garbage', async () => {
    const revoked = await server.makeToken({ role: 'ORGANIZATION_MEMBER' });
    await server.call(server.ownerToken, 'DELETE', `/tokens/${revoked.id}`);
    const rotated = await server.makeToken({ role: 'ORGANIZATION_MEMBER' });
    await server.call(server.ownerToken, 'POST', `/tokens/${rotated.id}/rotate`);
    const expired = await server.makeToken({ role: 'ORGANIZATION_MEMBER', days: 1 });
    server.advance(25 * 60 * 60 * 1000);
    const altered = `${server.ownerToken.slice(0, -4)}${server.ownerToken.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`;
    const garbage = await get(bearer('garbage'));
    for (const token of [revoked.token, rotated.token, expired.token, altered]) {
      const answer = await get(bearer(token));
      expect({ ...answer.json(), requestId: '' }).toEqual({ ...garbage.json(), requestId: '' });
      expect(answer.headers['www-authenticate']).toBe(garbage.headers['www-authenticate']);
    }
  });

  test('J-06 an agent token opens nothing but the data plane, an access token not that', async () => {
    const { body: agent } = await server.call(server.ownerToken, 'POST', `/deployments/${server.deploymentId}/agent-tokens`, {
      name: 'gateway',
    });
    expect((await get(bearer(agent.token))).statusCode).toBe(401);
    expect((await get(bearer(), '/data-plane/v1/feed')).statusCode).toBe(401);
  });
});

describe('F-07 a token in a URL is refused, whatever it is for', () => {
  test.each([
    ['query', (token: string) => `/v1/organizations?limit=${token}`],
    ['query of a public path', (token: string) => `/healthz?${token}`],
    ['path', (token: string) => `/v1/organizations/${token}`],
    ['path that is not there', (token: string) => `/nothing/${token}`],
    ['path, encoded', (token: string) => `/v1/organizations/%65${token.slice(1).replaceAll('.', '%2E')}`],
    ['as access_token, whatever it holds', () => '/v1/organizations?access_token=x'],
    ['as access_token further back', () => '/v1/organizations?limit=1&access_token='],
  ])('%s', async (_name, urlOf) => {
    const answer = await get(bearer(), urlOf(server.ownerToken));
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'credential_in_url']);
    expect(answer.body + server.logLines.join('')).not.toContain(server.ownerToken);
  });
});

describe('F-08 one credential for a request', () => {
  test('two Authorization headers are 400, whatever stands in them', async () => {
    await server.app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = server.app.server.address() as AddressInfo;
    for (const second of [`Bearer ${server.ownerToken}`, 'Basic YTpi', '']) {
      const raw = httpRequest({
        port,
        path: '/v1/organizations',
        headers: ['Host', 'x', 'Authorization', `Bearer ${server.ownerToken}`, 'authorization', second],
      });
      raw.end();
      const [answer] = await once(raw, 'response');
      expect(answer.statusCode).toBe(400);
      answer.resume();
      await once(answer, 'end');
    }
  });

  test('a token in the body is an unknown field, in a form it is 415', async () => {
    const path = `/v1/organizations/${server.organizationId}/workspaces`;
    const answer = await server.call(server.ownerToken, 'POST', path, { name: 'x', access_token: server.ownerToken });
    expect([answer.status, answer.body.fieldErrors]).toMatchObject([400, [{ field: 'access_token' }]]);
    const form = await server.app.inject({
      method: 'POST',
      url: path,
      headers: { ...bearer(), 'content-type': 'application/x-www-form-urlencoded' },
      payload: `access_token=${server.ownerToken}`,
    });
    expect(form.statusCode).toBe(415);
  });

  test('a cookie of somebody else is nothing to us', async () => {
    expect((await get({ ...bearer(), cookie: 'session=theirs' })).statusCode).toBe(200);
    expect((await get({ cookie: `token=${server.ownerToken}` })).statusCode).toBe(401);
  });
});

describe('F-09 a token that crossed a network in clear is refused', () => {
  test('from another machine over plain HTTP: 403, not a redirect', async () => {
    for (const remoteAddress of ['192.0.2.7', '::ffff:192.0.2.7', '2001:db8::1']) {
      const answer = await get(bearer(), '/v1/organizations', { remoteAddress });
      expect([answer.statusCode, answer.json().code]).toEqual([403, 'insecure_transport']);
    }
  });

  test('a header of the caller changes nothing unless a proxy is trusted', async () => {
    const headers = { ...bearer(), 'x-forwarded-proto': 'https', 'x-forwarded-for': '127.0.0.1' };
    expect((await get(headers, '/v1/organizations', { remoteAddress: '192.0.2.7' })).statusCode).toBe(403);
  });

  test('a trusted proxy says whether TLS ended there', async () => {
    const of = (proto: string) => get({ ...bearer(proxied.ownerToken), 'x-forwarded-proto': proto }, '/v1/organizations', {}, proxied);
    expect((await of('https')).statusCode).toBe(200);
    expect((await of('http')).json().code).toBe('insecure_transport');
  });

  test('a proxy that appends to what the caller sent, or says nothing of TLS, has not said that TLS ended there', async () => {
    for (const said of [
      { 'x-forwarded-proto': 'https, http' },
      { 'x-forwarded-proto': 'HTTP' },
      { 'x-forwarded-proto': '' },
      { 'x-forwarded-for': '192.0.2.7' },
    ]) {
      const answer = await get({ ...bearer(proxied.ownerToken), ...(said as Record<string, string>) }, '/v1/organizations', {}, proxied);
      expect([said, answer.json().code]).toEqual([said, 'insecure_transport']);
    }
    expect((await get(bearer(proxied.ownerToken), '/v1/organizations', {}, proxied)).statusCode).toBe(200); // from this machine, past the proxy
  });

  test('U-06 what is no address is not recorded as one, whatever the proxy says', async () => {
    for (const text of ['not an address', '192.0.2.7; drop', '\u009b31m', 'x'.repeat(10_000)]) {
      const headers = { ...bearer(proxied.ownerToken), 'x-forwarded-proto': 'https', 'x-forwarded-for': text };
      const answer = await get(headers, '/v1/organizations/nobodys', {}, proxied);
      const line = proxied.logLines.map((logged) => JSON.parse(logged)).find(({ reqId }) => reqId === answer.json().requestId);
      expect(line.address).toBe('127.0.0.1');
    }
  });

  test('A-13 the caller’s address is the one that the trusted proxy saw, not one further left', async () => {
    const headers = { ...bearer(proxied.ownerToken), 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.9, 192.0.2.7' };
    const answer = await get(headers, '/v1/organizations/nobodys', {}, proxied);
    const line = proxied.logLines.map((text) => JSON.parse(text)).find(({ reqId }) => reqId === answer.json().requestId);
    expect(line.address).toBe('192.0.2.7');
  });

  test('loopback is fine, in every spelling', async () => {
    for (const remoteAddress of ['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1']) {
      expect((await get(bearer(), '/v1/organizations', { remoteAddress })).statusCode).toBe(200);
    }
  });
});

test('A-01 a route that does not say who may call it stops the start', async () => {
  const fresh = await startTestServer();
  expect(() => fresh.app.get('/forgotten', async () => 'open')).toThrow('does not say who may call it');
  await fresh.close();
});
