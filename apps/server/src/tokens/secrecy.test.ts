import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { detectionPattern } from '@astrolabe/verify';
import { afterEach, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';

let server: TestServer;
afterEach(() => server.close());

/** Every form in which a secret could lie around. */
function encodings(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const raw = Buffer.from(secret, 'base64url');
  return [
    secret,
    encodeURIComponent(secret),
    ...['hex', 'base64', 'base64url'].flatMap((to) => [bytes.toString(to as 'hex'), raw.toString(to as 'hex')]),
  ];
}

/** The value, its `jti`, and its signature: each alone would be a secret leaked. */
function secretsOf(value: string): string[] {
  const [, payload = '', signature = ''] = value.split('.');
  return [value, JSON.parse(Buffer.from(payload, 'base64url').toString()).jti, signature];
}

async function makeSecrets(): Promise<string[]> {
  const { ownerToken, deploymentId } = server;
  const created = await server.makeToken({ role: 'WORKSPACE_OWNER' });
  const rotated = await server.call(ownerToken, 'POST', `/tokens/${created.id}/rotate`, { overlapSeconds: 60 });
  const direct = await server.makeToken({ role: 'DEPLOYMENT_ADMIN', kind: 'DIRECT_ACCESS', days: 9 });
  const agent = await server.call(ownerToken, 'POST', `/deployments/${deploymentId}/agent-tokens`, { name: 'gateway' });
  await server.call(created.token, 'GET', `/tokens/${created.id}`);
  await server.call(rotated.body.token, 'POST', `/tokens/${created.id}`, { name: 'x' });
  await server.call(`${rotated.body.token}x`, 'GET', '/tokens');
  await server.call(ownerToken, 'GET', `/v1/organizations/${rotated.body.token}/tokens`);
  await server.call(ownerToken, 'GET', `/tokens?access_token=${direct.token}`);
  await server.call(ownerToken, 'DELETE', `/tokens/${direct.id}`);
  return [ownerToken, created.token, rotated.body.token, direct.token, agent.body.token].flatMap(secretsOf).flatMap(encodings);
}

test('S-01 S-02 a stolen database holds no value and nothing that could make one', async () => {
  server = await startTestServer({ ASTROLABE_SERVER_DATABASE_URL: undefined });
  const secrets = await makeSecrets();
  await server.deps.lastUse.flush();
  const { dataDir, keysDir } = server.deps.config;
  const files = ['server.db', 'server.db-wal'].map((name) => readFileSync(join(dataDir, name), 'latin1')).join();
  expect(files.length).toBeGreaterThan(10_000);
  const masterKey = readFileSync(join(keysDir, 'master.key'), 'utf8').trim();
  for (const secret of [...secrets, ...encodings(masterKey), 'PRIVATE KEY']) expect(files.includes(secret)).toBe(false);
  expect(files).not.toMatch(detectionPattern);
});

test('F-06 S-01 after its answer a value is in no other answer, audit record, feed entry or log line', async () => {
  server = await startTestServer();
  const secrets = await makeSecrets();
  const { deps, ownerToken, deploymentId } = server;
  const answers = [
    await server.call(ownerToken, 'GET', '/tokens?limit=1000'),
    await server.call(ownerToken, 'GET', `/deployments/${deploymentId}/agent-tokens`),
    await server.call(ownerToken, 'GET', `/deployments/${deploymentId}`),
    await server.call(undefined, 'GET', '/metrics').catch(() => undefined),
    await server.call(undefined, 'GET', '/.well-known/jwks.json'),
  ];
  const everything = JSON.stringify([
    answers,
    await deps.read.selectFrom('auditEvent').selectAll().execute(),
    await deps.read.selectFrom('change').selectAll().execute(),
    server.logLines,
  ]);
  expect(server.logLines.length).toBeGreaterThan(5);
  for (const secret of secrets) expect(everything.includes(secret)).toBe(false);
  expect(everything).not.toMatch(detectionPattern);
});
