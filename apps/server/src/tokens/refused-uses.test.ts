import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { listAuditEvents } from '../store/audit.ts';
import { startTestServer, type TestServer, testEpoch } from '../testing.ts';
import { createRefusedUses } from './refused-uses.ts';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.close());

const dayMs = 24 * 60 * 60 * 1000;
const instant = (at: number): string => new Date(at).toISOString();

const use = async (value: string): Promise<number> => (await server.call(value, 'GET', '/tokens')).status;

async function refusals() {
  await server.deps.refusedUses.flush();
  const all = await listAuditEvents(server.deps.read, server.organizationId, 0, 1000);
  return all.filter(({ action }) => action === 'token.refused').map((event) => ({ ...event, detail: JSON.parse(event.detail) }));
}

test('U-01 R-09 a rotated, a deleted and an expired value that is tried is recorded: which, why, from where, in which request', async () => {
  const rotated = await server.makeToken({ role: 'DEPLOYMENT_ADMIN', name: 'rotated' });
  await server.call(server.ownerToken, 'POST', `/tokens/${rotated.id}/rotate`);
  const deleted = await server.makeToken({ role: 'DEPLOYMENT_ADMIN', name: 'deleted' });
  await server.call(server.ownerToken, 'DELETE', `/tokens/${deleted.id}`);
  const expired = await server.makeToken({ role: 'DEPLOYMENT_ADMIN', name: 'expired', days: 1 });
  server.advance(2 * dayMs);
  const requestIds: string[] = [];
  for (const { token } of [rotated, deleted, expired]) requestIds.push((await server.call(token, 'GET', '/tokens')).body.requestId);
  const at = testEpoch + 2 * dayMs;
  expect(await refusals()).toMatchObject(
    [rotated, deleted, expired].map(({ id, name, shortToken }, index) => ({
      at,
      actorType: 'SERVICEKEY',
      actorId: id,
      targetType: 'token',
      targetId: id,
      address: '127.0.0.1',
      requestId: requestIds[index],
      detail: { name, shortToken, reason: name, count: 1, firstAt: instant(at), lastAt: instant(at) },
    })),
  );
});

test('however often it is tried: one record at once, then one a minute that counts, and none without a try', async () => {
  const { id, token } = await server.makeToken({ role: 'DEPLOYMENT_ADMIN' });
  await server.call(server.ownerToken, 'DELETE', `/tokens/${id}`);
  expect(await use(token)).toBe(401);
  expect(await refusals()).toHaveLength(1);
  for (let i = 0; i < 50; i++) {
    server.advance(1000);
    await use(token);
  }
  expect(await refusals()).toHaveLength(1);
  server.advance(10_000);
  const [, second] = await refusals();
  expect(second?.detail).toMatchObject({ count: 50, firstAt: instant(testEpoch + 1000), lastAt: instant(testEpoch + 50_000) });
  server.advance(dayMs);
  expect(await refusals()).toHaveLength(2);
});

test('what nobody of us signed, and what was let in, is not recorded', async () => {
  const { token } = await server.makeToken({ role: 'DEPLOYMENT_ADMIN' });
  const altered = `${token.slice(0, -8)}AAAAAAAA`;
  expect([await use(token), await use(altered), await use('garbage'), await use('')]).toEqual([200, 401, 401, 401]);
  expect(await refusals()).toEqual([]);
});

test('F-07 a token in a URL is recorded, live or not, wherever it stands, and without the secret', async () => {
  const path = `/deployments/${server.deploymentId}/agent-tokens`;
  const agent = (await server.call(server.ownerToken, 'POST', path, { name: 'gateway' })).body;
  const live = await server.makeToken({ role: 'DEPLOYMENT_ADMIN' });
  const encoded = await server.makeToken({ role: 'DEPLOYMENT_ADMIN' });
  await server.app.inject(`/healthz?x=${live.token}`);
  await server.app.inject(`/nothing/${live.token}`);
  await server.app.inject(`/nothing/${agent.token}/x`);
  await server.app.inject(`/nothing?x=%65${encoded.token.slice(1)}`);
  await server.app.inject('/healthz?access_token=x');
  const recorded = await refusals();
  expect(recorded.map(({ targetType, targetId, detail }) => [targetType, targetId, detail.reason, detail.count])).toEqual([
    ['token', live.id, 'credential_in_url', 2],
    ['agent_token', agent.id, 'credential_in_url', 1],
    ['token', encoded.id, 'credential_in_url', 1],
  ]);
  for (const { token } of [live, agent, encoded]) expect(JSON.stringify(recorded)).not.toContain(token.slice(-40));
});

test('S-02 a value with a good signature that was never issued here is a warning: the key may be in other hands', async () => {
  const { deps, organizationId } = server;
  const forged = deps.issuer.issue(
    { id: 'cm0zzzzzzzzzzzzzzzzzzzzzz', organizationId, homeScope: 'ORGANIZATION', homeEntityId: organizationId, kind: 'STANDARD' },
    testEpoch,
    undefined,
  );
  expect(await use(forged.value)).toBe(401);
  expect(await refusals()).toEqual([]);
  const warnings = server.logLines.map((line) => JSON.parse(line)).filter(({ level }) => level === 40);
  expect(warnings).toEqual([expect.objectContaining({ values: 1, msg: expect.stringContaining('never issued here') })]);
});

describe('the buffer', () => {
  const write = vi.fn<Parameters<typeof createRefusedUses>[0]>();
  const log = { warn: vi.fn() };
  const from = { requestId: 'r', address: '192.0.2.7' };
  beforeEach(() => {
    write.mockReset();
    log.warn.mockReset();
  });

  test('what could not be recorded waits, and nobody is kept from his refusal', async () => {
    write.mockRejectedValueOnce(new Error('gone'));
    const refused = createRefusedUses(write, () => testEpoch, log);
    refused.note('a', 'header', from);
    await refused.flush();
    expect(log.warn).toHaveBeenCalledTimes(1);
    await refused.flush();
    await refused.flush();
    expect(write).toHaveBeenCalledTimes(2);
  });

  test('U-07 what is more than it can hold is counted and said', async () => {
    const refused = createRefusedUses(write, () => testEpoch, log);
    for (let i = 0; i < 1005; i++) refused.note(`${i}`, 'header', from);
    refused.note('0', 'header', from);
    await refused.flush();
    expect(log.warn).toHaveBeenCalledExactlyOnceWith({ refusals: 5 }, expect.any(String));
    expect(write).toHaveBeenCalledTimes(1);
  });

  test('stopping records what waits, even what was recorded a moment ago', async () => {
    const refused = createRefusedUses(write, () => testEpoch, log);
    refused.start();
    refused.note('a', 'header', from);
    await refused.flush();
    refused.note('a', 'header', from);
    await refused.stop();
    expect(write).toHaveBeenCalledTimes(2);
  });
});
