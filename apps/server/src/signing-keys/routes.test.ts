import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.close());

test('token keys alone are in the JWKS, public halves alone, and it may be cached for less than a new key waits', async () => {
  const { status, body, headers } = await server.call(undefined, 'GET', '/.well-known/jwks.json');
  expect([status, headers['cache-control']]).toEqual([200, 'public, max-age=300']);
  const feedKeys = server.deps.signingKeys.published('feed').map((key) => key.kid);
  expect(body.keys.map((key: { kid: string }) => key.kid)).toEqual(server.deps.signingKeys.published('token').map((key) => key.kid));
  for (const key of body.keys) {
    expect(feedKeys).not.toContain(key.kid);
    expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
  }
});
