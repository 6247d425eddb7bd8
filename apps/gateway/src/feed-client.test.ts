import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FakeControlPlane, FakeFeedServer, ids, TestClock } from './fake-control-plane.ts';
import { FeedClient } from './feed-client.ts';
import { KeptState } from './kept-state.ts';
import { createLog } from './log.ts';

let folder: string;
let clock: TestClock;
let server: FakeControlPlane;
let feed: FakeFeedServer;
let kept: KeptState;
let client: FeedClient;
let logged: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'astrolabe-'));
  mkdirSync(join(folder, 'gateway'), { mode: 0o700 });
  clock = new TestClock();
  server = new FakeControlPlane(clock);
  feed = new FakeFeedServer((response) => response.write(`${server.keysLine()}\n`));
  const enrolment = server.enrolment({ serverUrl: `${await feed.listen()}/` });
  logged = [];
  const log = createLog('debug', { write: (line) => logged.push(line) });
  kept = new KeptState(enrolment, folder, clock, log);
  const { serverUrl, agentToken } = enrolment;
  client = new FeedClient({ serverUrl, agentToken, sink: kept, hasEnded: () => kept.state.end !== undefined, clock, log, random: () => 1 });
});

afterEach(async () => {
  client.stop();
  await feed.close();
  kept.close();
  rmSync(folder, { recursive: true });
});

/** Starts the client and waits until its first request is answered. */
async function connect(): Promise<void> {
  const arrived = feed.nextRequest();
  client.start();
  await arrived;
}

/** Waits until the client knows that its last connection is lost, and lets time pass until the next. */
async function reconnect(afterMs: number): Promise<void> {
  await vi.waitFor(() => expect(logged.filter((line) => line.includes('lost the control plane'))).toHaveLength(feed.requests.length), {
    interval: 1,
  });
  const arrived = feed.nextRequest();
  clock.advance(afterMs);
  await arrived;
}

const follows = (): Promise<void> => vi.waitFor(() => expect(kept.state.freshness.stalenessMs()).toBe(0), { interval: 1 });
const lastUrl = (): string | undefined => feed.requests.at(-1)?.url;

describe('the connection to the control plane', () => {
  test('asks with the agent token for everything, and later for what is missing', async () => {
    await connect();
    expect(feed.requests[0]).toMatchObject({ url: '/data-plane/v1/feed?after=0', authorization: expect.stringMatching(/^Bearer eyJ/) });
    feed.send(...server.snapshotLines(), server.heartbeatLine());
    await follows();
    expect(client.status).toBe('connected');
    feed.connections[0]?.destroy();
    await reconnect(100);
    expect(lastUrl()).toBe(`/data-plane/v1/feed?after=${server.sequence}&epoch=epoch-1`);
  });

  test('V-01 a revocation is applied as soon as its line is there', async () => {
    const issued = server.issue();
    server.publish(issued.entry);
    await connect();
    feed.send(...server.snapshotLines(), server.heartbeatLine());
    await follows();
    const heard = new Promise<void>((resolve) => kept.state.onChange(resolve));
    feed.send(server.retire(issued, 'deleted'));
    await heard;
    expect(kept.state.find(issued.jtiHash)).toBeUndefined();
  });

  test('lines come together again however they are cut', async () => {
    const issued = server.issue();
    server.publish(issued.entry);
    await connect();
    const bytes = Buffer.from([...server.snapshotLines(), server.heartbeatLine(), ''].join('\n'));
    for (let at = 0; at < bytes.length; at += 97) feed.connections[0]?.write(bytes.subarray(at, at + 97));
    await follows();
    expect(kept.state.find(issued.jtiHash)).toBeDefined();
  });

  test('V-05 a line that breaks off is never read', async () => {
    await connect();
    feed.connections[0]?.end(server.snapshotLines()[0]);
    await reconnect(100);
    expect(kept.state.position).toBeUndefined();
  });

  test('V-05 a feed that cannot be believed is dropped, and a snapshot asked for', async () => {
    await connect();
    feed.send(...server.snapshotLines(), server.heartbeatLine());
    await follows();
    server.publish(server.issue().entry);
    feed.send(server.publish(server.issue().entry));
    await reconnect(100);
    expect(lastUrl()).toBe('/data-plane/v1/feed?after=0');
    expect(logged.join()).toContain('changes are missing or came again');
    feed.send(...server.snapshotLines(), server.heartbeatLine({ at: clock.now() + 1 }));
    await vi.waitFor(() => expect(kept.state.position?.sequence).toBe(server.sequence), { interval: 1 });
  });

  test('silence for 5 seconds ends it, heartbeats keep it', async () => {
    await connect();
    feed.send(...server.snapshotLines(), server.heartbeatLine());
    await follows();
    clock.advance(4_999);
    feed.send(server.heartbeatLine());
    await follows();
    clock.advance(4_999);
    expect(client.status).toBe('connected');
    clock.advance(1);
    expect(client.status).toBe('unreachable');
    await reconnect(100);
    expect(feed.requests).toHaveLength(2);
  });

  test('attempts become rarer, up to one in 5 seconds, until a heartbeat counts', async () => {
    feed.status = 503;
    await connect();
    const timers = vi.spyOn(clock, 'after');
    const delaysMs = [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000];
    for (const delayMs of delaysMs) await reconnect(delayMs);
    const silenceMs = 15_000;
    expect(timers.mock.calls.map(([delayMs]) => delayMs).filter((delayMs) => delayMs !== silenceMs)).toEqual(delaysMs);
  });

  test.each([401, 410])('V-05 an unsigned %d changes nothing but the age of the state', async (status) => {
    const issued = server.issue();
    server.publish(issued.entry);
    await connect();
    feed.send(...server.snapshotLines(), server.heartbeatLine());
    await follows();
    feed.status = status;
    feed.connections[0]?.destroy();
    await reconnect(100);
    await vi.waitFor(() => expect(client.status).toBe('refused'), { interval: 1 });
    expect(kept.state.find(issued.jtiHash)).toBeDefined();
    expect(kept.state.freshness.stalenessMs()).toBe(100);
  });

  test('the end of the agent token is the last that is heard', async () => {
    await connect();
    feed.send(
      ...server.snapshotLines(),
      server.publish({ kind: 'end', reason: 'agent_token_ended', at: clock.now(), agentTokenId: ids.agentToken }),
    );
    await vi.waitFor(() => expect(client.status).toBe('ended'), { interval: 1 });
    clock.advance(60_000);
    expect(feed.requests).toHaveLength(1);
  });

  test('L-01 the log never holds the agent token', async () => {
    feed.status = 401;
    await connect();
    await vi.waitFor(() => expect(logged.join()).toContain('answered 401'), { interval: 1 });
    expect(logged.join()).not.toMatch(/eyJ/);
  });
});
