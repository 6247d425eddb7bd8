import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../testing.ts';
import { createRateLimiter } from './rate-limit.ts';

describe('a bucket', () => {
  test('holds one second’s worth and fills again evenly', () => {
    let now = 0;
    const limiter = createRateLimiter(() => now);
    const burst = Array.from({ length: 6 }, () => limiter.take('a', 5));
    expect(burst).toEqual([0, 0, 0, 0, 0, 200]);
    now += 199;
    expect(limiter.take('a', 5)).toBe(1);
    now += 1;
    expect([limiter.take('a', 5), limiter.take('a', 5)]).toEqual([0, 200]);
    now += 60_000; // never more than a second’s worth
    expect(Array.from({ length: 6 }, () => limiter.take('a', 5)).filter((wait) => wait > 0)).toHaveLength(1);
  });

  test('a clock that goes back gives nothing and takes nothing', () => {
    let now = 10_000;
    const limiter = createRateLimiter(() => now);
    expect(limiter.take('a', 1)).toBe(0);
    now = 0;
    expect(limiter.take('a', 1)).toBe(1000);
  });

  test('never lets more through than one second’s worth and what the time since then gives', () => {
    const pauses = fc.array(fc.integer({ min: 0, max: 2000 }), { maxLength: 200 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), pauses, (perSecond, pausesMs) => {
        let now = 0;
        const limiter = createRateLimiter(() => now);
        let passed = 0;
        for (const pause of pausesMs) {
          now += pause;
          if (limiter.take('a', perSecond) === 0) passed++;
        }
        return passed <= perSecond + (now / 1000) * perSecond + 1e-6;
      }),
    );
  });

  test('one caller’s haste is not another’s', () => {
    const limiter = createRateLimiter(() => 0);
    expect([limiter.take('a', 1), limiter.take('a', 1), limiter.take('b', 1)]).toEqual([0, 1000, 0]);
  });
});

describe('Q-01 limits per token and method', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({
      ASTROLABE_SERVER_GETS_PER_SECOND: '25',
      ASTROLABE_SERVER_POSTS_PER_SECOND: '10',
      ASTROLABE_SERVER_DELETES_PER_SECOND: '5',
    });
  });
  afterAll(() => server.close());

  const statuses = async (method: 'GET' | 'POST' | 'DELETE', count: number, token = server.ownerToken): Promise<number[]> => {
    const answers: number[] = [];
    for (let number = 0; number < count; number++)
      answers.push((await server.call(token, method, '/v1/organizations/nobodys', method === 'POST' ? {} : undefined)).status);
    return answers;
  };

  test.each([
    ['GET', 25],
    ['POST', 10],
  ] as const)('%s: %i in a second, then 429 with Retry-After', async (method, limit) => {
    server.advance(1000);
    const answers = await statuses(method, limit + 1);
    expect(answers.filter((status) => status === 429)).toHaveLength(1);
    expect(answers.at(-1)).toBe(429);
    const refused = await server.call(server.ownerToken, method, '/v1/organizations/nobodys');
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited', statusCode: 429 } });
    expect(refused.headers['retry-after']).toBe('1');
    server.advance(1000);
    expect((await server.call(server.ownerToken, method, '/v1/organizations/nobodys')).status).not.toBe(429);
  });

  test('DELETE has a limit of its own, and another token its own limits', async () => {
    server.advance(1000);
    const remove = (token: string) => server.call(token, 'DELETE', '/tokens/nobodys').then(({ status }) => status);
    const answers: number[] = [];
    for (let number = 0; number < 6; number++) answers.push(await remove(server.ownerToken));
    expect(answers).toEqual([404, 404, 404, 404, 404, 429]);
    const { token } = await server.makeToken({ role: 'ORGANIZATION_MEMBER' });
    expect(await remove(token)).toBe(404);
    expect((await statuses('GET', 1)).at(0)).toBe(404);
  });

  test('a gateway that asks for its feed without end is stopped too', async () => {
    const path = `/deployments/${server.deploymentId}/agent-tokens`;
    server.advance(1000);
    const { token } = (await server.call(server.ownerToken, 'POST', path, { name: 'gateway' })).body;
    const answers: number[] = [];
    for (let number = 0; number < 26; number++) answers.push((await server.call(token, 'GET', '/data-plane/v1/feed?after=-1')).status);
    expect(answers).toEqual([...Array(25).fill(400), 429]);
  });

  test('paths that need no token have none, and callers without a valid one are 401, not 429', async () => {
    for (let number = 0; number < 40; number++) expect((await server.call(undefined, 'GET', '/healthz')).status).toBe(200);
    for (let number = 0; number < 40; number++) expect((await server.call('garbage', 'GET', '/v1/organizations')).status).toBe(401);
  });
});
