import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startTestServer, type TestServer, testEpoch } from '../testing.ts';
import { createLastUse } from './last-use.ts';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server.close());

const lastUsedAt = async (id: string) => (await server.call(server.ownerToken, 'GET', `/tokens/${id}`)).body.lastUsedAt;

test('the last use is shown after the next flush, and use that was refused is none', async () => {
  const { id, token } = await server.makeToken({ role: 'DEPLOYMENT_ADMIN' });
  await server.deps.lastUse.flush();
  expect(await lastUsedAt(id)).toBeUndefined();
  server.advance(1000);
  await server.call(token, 'GET', '/tokens');
  await server.call(`${token}x`, 'GET', '/tokens');
  await server.deps.lastUse.flush();
  expect(await lastUsedAt(id)).toBe(new Date(testEpoch + 1000).toISOString());
  const { lastUsedAddress } = await server.deps.read
    .selectFrom('token')
    .select('lastUsedAddress')
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  expect(lastUsedAddress).toBe('127.0.0.1');
});

describe('the buffer', () => {
  const write = vi.fn<Parameters<typeof createLastUse>[0]>();
  const log = { warn: vi.fn() };
  beforeEach(() => {
    write.mockReset();
    log.warn.mockReset();
  });

  test('many uses of many tokens cost one write', async () => {
    const uses = createLastUse(write, () => testEpoch, log);
    for (let i = 0; i < 1000; i++) uses.note({ organizationId: 'o', id: `t${i % 10}` }, '127.0.0.1');
    expect(write).not.toHaveBeenCalled();
    await uses.flush();
    await uses.flush();
    expect(write).toHaveBeenCalledTimes(1);
  });

  test('what could not be written waits, and no request fails for it', async () => {
    write.mockRejectedValueOnce(new Error('gone'));
    const uses = createLastUse(write, () => testEpoch, log);
    uses.note({ organizationId: 'o', id: 't' }, '127.0.0.1');
    await uses.flush();
    expect(log.warn).toHaveBeenCalledTimes(1);
    await uses.flush();
    expect(write).toHaveBeenCalledTimes(2);
  });

  test('stopping writes what waits', async () => {
    const uses = createLastUse(write, () => testEpoch, log);
    uses.start();
    uses.note({ organizationId: 'o', id: 't' }, '127.0.0.1');
    await uses.stop();
    expect(write).toHaveBeenCalledTimes(1);
  });
});
