import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

const linesOf = (requestId: string) =>
  server.logLines.map((line) => JSON.parse(line)).filter((line) => line.reqId === requestId && line.msg === 'request');

test('one line for a request: route, status, time, token, request and address', async () => {
  const { id, token } = await server.makeToken({ role: 'ORGANIZATION_MEMBER' });
  const refused = await server.call(token, 'POST', `/v1/organizations/${server.organizationId}/workspaces`, { name: 'x' });
  expect(linesOf(refused.body.requestId)).toEqual([
    {
      level: 30,
      time: expect.any(Number),
      pid: expect.any(Number),
      hostname: expect.any(String),
      reqId: refused.body.requestId,
      method: 'POST',
      route: '/v1/organizations/:organizationId/workspaces',
      status: 403,
      ms: expect.any(Number),
      tokenId: id,
      address: '127.0.0.1',
      msg: 'request',
    },
  ]);
});

test('what finds no route or no caller is logged too, without its path', async () => {
  const unknown = await server.call('garbage', 'GET', '/v1/canary-path?canary=1');
  expect(linesOf(unknown.body.requestId)).toMatchObject([{ route: 'unknown', status: 404 }]);
  const nobody = await server.call('garbage', 'GET', '/v1/organizations');
  expect(linesOf(nobody.body.requestId)).toMatchObject([{ route: '/v1/organizations', status: 401 }]);
  expect(linesOf(nobody.body.requestId)[0]).not.toHaveProperty('tokenId');
  const undecodable = await server.call(undefined, 'GET', '/v1/%zz-canary');
  expect(linesOf(undecodable.body.requestId)).toMatchObject([{ route: 'unknown', status: 400 }]);
  expect(server.logLines.join('')).not.toContain('canary');
});

test('L-01 no canary gets into the log: not from a URL, a header, a body, an error or an answer', async () => {
  const { ownerToken, organizationId, workspaceId } = server;
  const canary = 'canary-3f9a';
  const path = `/v1/organizations/${organizationId}`;
  const issued = await server.call(ownerToken, 'POST', '/tokens', { name: 'new', role: 'ORGANIZATION_MEMBER', scope: 'ORGANIZATION' });
  const rotated = await server.call(ownerToken, 'POST', `/tokens/${issued.body.id}/rotate`);
  const variables = [{ key: 'K', value: `${canary}-variable`, isSecret: true }];
  await server.call(ownerToken, 'POST', `${path}/deployments`, { name: 'd', workspaceId, environmentVariables: variables });
  for (const body of [`{"${canary}":1}`, `{"name":"${canary}"`, `{"name":${JSON.stringify(canary.repeat(200))}}`, canary]) {
    for (const type of ['application/json', 'text/plain', 'application/octet-stream']) {
      await server.app.inject({
        method: 'POST',
        url: `${path}/workspaces?${canary}=${canary}`,
        payload: body,
        headers: {
          'content-type': type,
          authorization: `Bearer ${ownerToken}`,
          cookie: canary,
          'user-agent': canary,
          'x-request-id': canary,
          host: canary,
        },
      });
    }
  }
  await server.call(`${ownerToken}${canary}`, 'GET', `${path}/${canary}`);
  await server.call(undefined, 'GET', `/${ownerToken}?token=${ownerToken}`);
  await server.call(ownerToken, 'GET', `${path}/tokens/${ownerToken}`);
  const log = server.logLines.join('\n');
  expect(server.logLines.length).toBeGreaterThan(10);
  expect(log).not.toContain(canary);
  for (const secret of [ownerToken, issued.body.token, rotated.body.token]) {
    expect(log).not.toContain(secret);
    expect(log).not.toContain(secret.split('.')[2]);
  }
});
