import { verifySignedToken } from '@astrolabe/verify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startTestServer, type TestServer, testEpoch } from '../testing.ts';

let server: TestServer;
let owner: string;
let path: string;
beforeEach(async () => {
  server = await startTestServer();
  owner = server.ownerToken;
  path = `/deployments/${server.deploymentId}/agent-tokens`;
});
afterEach(() => server.close());

const dayMs = 24 * 60 * 60 * 1000;

test('F-06 create shows the value once, no-store, and it pins the feed key', async () => {
  const created = await server.call(owner, 'POST', path, { name: 'gateway', tokenExpiryPeriodInDays: 3650 });
  expect([created.status, created.headers['cache-control']]).toEqual([200, 'no-store']);
  const { token, ...shown } = created.body;
  expect(shown).toMatchObject({
    name: 'gateway',
    description: '',
    scope: 'DEPLOYMENT',
    type: 'DEPLOYMENT',
    kind: 'AGENT',
    expiryPeriodInDays: 3650,
  });
  expect(shown.endAt).toBe(new Date(testEpoch + 3650 * dayMs).toISOString());
  const { claims } = verifySignedToken(token, server.deps.signingKeys.tokenKeys, 'agent+jwt');
  expect(claims).toMatchObject({ aud: [`deployment:${server.deploymentId}`], feed_key: server.deps.signingKeys.current('feed').keyId });
  expect((await server.call(owner, 'GET', `${path}/${shown.id}`)).body).toEqual(shown);
  expect((await server.call(owner, 'GET', path)).body).toEqual({ tokens: [shown], limit: 20, offset: 0, totalCount: 1 });
});

test('it is refused everywhere but under /data-plane, and gateways are not told of it', async () => {
  const { token, id } = (await server.call(owner, 'POST', path, { name: 'gateway' })).body;
  for (const url of ['/tokens', path, `${path}/${id}`, '/v1/organizations']) {
    expect((await server.call(token, 'GET', url)).body.code).toBe('invalid_token');
  }
  const changes = await server.deps.read.selectFrom('change').select('body').execute();
  expect(JSON.stringify(changes)).not.toContain(id);
});

test('it is no API token: not in lists, and a 404 as one', async () => {
  const { id } = (await server.call(owner, 'POST', path, { name: 'gateway' })).body;
  const listed = await server.call(owner, 'GET', `/tokens?deploymentId=${server.deploymentId}`);
  expect(listed.body.tokens).toEqual([]);
  for (const [method, suffix] of [
    ['GET', ''],
    ['DELETE', ''],
    ['POST', '/rotate'],
  ] as const) {
    expect((await server.call(owner, method, `/tokens/${id}${suffix}`)).body.code).toBe('token_not_found');
  }
  const api = await server.makeToken({ role: 'DEPLOYMENT_ADMIN' });
  expect((await server.call(owner, 'GET', `${path}/${api.id}`)).body.code).toBe('token_not_found');
  expect((await server.call(owner, 'DELETE', `${path}/${api.id}`)).body.code).toBe('token_not_found');
});

test('names are unique among agent tokens of the Deployment, whatever API tokens are called', async () => {
  await server.makeToken({ role: 'DEPLOYMENT_ADMIN', name: 'gateway' });
  const { id } = (await server.call(owner, 'POST', path, { name: 'gateway' })).body;
  const again = await server.call(owner, 'POST', path, { name: 'gateway' });
  expect([again.status, again.body.code, again.body.message]).toEqual([409, 'name_taken', `Token ${id} is already named "gateway".`]);
});

test('there is no update and no rotation; V-10 a second delete is a 404', async () => {
  const { id } = (await server.call(owner, 'POST', path, { name: 'gateway' })).body;
  expect((await server.call(owner, 'POST', `${path}/${id}`, { name: 'x' })).status).toBe(405);
  expect((await server.call(owner, 'POST', `${path}/${id}/rotate`)).status).toBe(404);
  const other = await server.makeDeployment('other');
  expect((await server.call(owner, 'DELETE', `/deployments/${other}/agent-tokens/${id}`)).body.code).toBe('token_not_found');
  expect((await server.call(owner, 'DELETE', `${path}/${id}`)).status).toBe(204);
  expect((await server.call(owner, 'DELETE', `${path}/${id}`)).body.code).toBe('token_not_found');
  expect((await server.call(owner, 'GET', path)).body.totalCount).toBe(0);
});

test('sorts and pages', async () => {
  for (const name of ['b', 'a', 'c']) {
    server.advance(1);
    await server.call(owner, 'POST', path, { name });
  }
  const names = async (query: string) =>
    (await server.call(owner, 'GET', `${path}${query}`)).body.tokens.map((row: { name: string }) => row.name);
  expect(await names('')).toEqual(['c', 'a', 'b']);
  expect(await names('?sorts=name:asc&limit=2')).toEqual(['a', 'b']);
  expect(await names('?sorts=createdById:desc&sorts=tokenStartAt:asc&offset=1')).toEqual(['a', 'c']);
  expect((await server.call(owner, 'GET', `${path}?sorts=id:asc`)).status).toBe(400);
});
