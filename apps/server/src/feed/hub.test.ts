import { chainStart, FeedBatch, FeedEntry, FeedHeartbeat, FeedKeys, feedAudience } from '@astrolabe/contract';
import { importKeys, verifySignedObject } from '@astrolabe/verify';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { nextChain } from '../store/changes.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { createFeedHub, type FeedHub, type Listener } from './hub.ts';

let server: TestServer;
let hub: FeedHub;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  server = await startTestServer();
  hub = createFeedHub(server.deps);
});
afterEach(async () => {
  hub.close();
  await server.close();
  vi.useRealTimers();
});

/** A gateway that only listens: checks every signature, and keeps what it was told. */
class Gateway implements Listener {
  readonly deploymentId: string;
  readonly agentTokenId: string;
  readonly position: Listener['position'];
  expiresAt?: number;
  readonly batches: FeedBatch[] = [];
  readonly heartbeats: FeedHeartbeat[] = [];
  ended = false;
  #keys: ReturnType<typeof importKeys> | undefined;

  constructor(position?: Listener['position'], agentTokenId = 'c000000000000000000000000') {
    this.deploymentId = server.deploymentId;
    this.agentTokenId = agentTokenId;
    this.position = position;
  }
  async send(line: string): Promise<void> {
    const message = JSON.parse(line);
    if (!this.#keys) {
      this.#keys = importKeys(FeedKeys.parse(message));
    } else if (message.batch) {
      this.batches.push(FeedBatch.parse(verifySignedObject(message.batch, this.#keys, 'feed+jwt', 1e7).payload));
    } else {
      this.heartbeats.push(FeedHeartbeat.parse(verifySignedObject(message.heartbeat, this.#keys, 'heartbeat+jwt', 1e5).payload));
    }
  }
  end(): void {
    this.ended = true;
  }
  get entries(): FeedEntry[] {
    return this.batches.flatMap((batch) => batch.entries.map((body) => FeedEntry.parse(JSON.parse(body))));
  }
}

const connected = async (gateway: Gateway, batches = 1): Promise<Gateway> => {
  hub.connect(gateway);
  await vi.waitFor(() => expect(gateway.batches.length).toBeGreaterThanOrEqual(batches));
  return gateway;
};
const beat = (): Promise<unknown> => vi.advanceTimersByTimeAsync(1000);

describe('feed', () => {
  test('a gateway without a position gets a signed snapshot: the Deployment, its keys, and every token that reaches it', async () => {
    const token = await server.makeToken({ role: 'DEPLOYMENT_ADMIN', name: 'ci' });
    const gateway = await connected(new Gateway());
    const [batch] = gateway.batches;
    expect(batch).toMatchObject({ aud: feedAudience(server.deploymentId), snapshot: true, part: 1, parts: 1, from: 0, chainFrom: '' });
    expect(gateway.entries.map((entry) => entry.kind).slice(0, 2)).toEqual(['deployment', 'keys']);
    expect(gateway.entries).toContainEqual({
      kind: 'token',
      id: token.id,
      name: 'ci',
      tokenKind: 'STANDARD',
      values: [{ jtiHash: expect.stringMatching(/^[0-9a-f]{64}$/), issuedAt: expect.any(Number) }],
      retired: [],
      bindings: [{ entityType: 'DEPLOYMENT', entityId: server.deploymentId, role: 'DEPLOYMENT_ADMIN' }],
    });
    expect(JSON.stringify(gateway.entries)).not.toContain(token.token);
  });

  test('V-05 each change comes as it commits, and its chain follows from the one before', async () => {
    const gateway = await connected(new Gateway());
    const token = await server.makeToken({ role: 'DEPLOYMENT_ADMIN' });
    await server.call(server.ownerToken, 'DELETE', `/tokens/${token.id}`);
    await vi.waitFor(() =>
      expect(gateway.entries.at(-1)).toMatchObject({ kind: 'token-gone', id: token.id, retired: [{ reason: 'deleted' }] }),
    );
    const [snapshot, ...changes] = gateway.batches;
    let { to: sequence, chainTo: chain } = snapshot ?? { to: 0, chainTo: chainStart };
    for (const batch of changes) {
      expect(batch).toMatchObject({ snapshot: false, from: sequence, chainFrom: chain });
      for (const body of batch.entries) chain = nextChain(chain, body);
      expect(batch.chainTo).toBe(chain);
      sequence = batch.to;
    }
  });

  test('a gateway goes on where it stands; from an unknown epoch or a point that is not there it starts over', async () => {
    const first = await connected(new Gateway());
    const { epoch, to } = first.batches[0] ?? { epoch: '', to: 0 };
    const token = await server.makeToken({ role: 'DEPLOYMENT_ADMIN' });
    const again = await connected(new Gateway({ epoch, sequence: to }));
    expect(again.batches[0]).toMatchObject({ snapshot: false, from: to });
    expect(again.entries).toMatchObject([{ kind: 'token', id: token.id }]);
    expect((await connected(new Gateway({ epoch: 'another', sequence: to }))).batches[0]).toMatchObject({ snapshot: true });
    expect((await connected(new Gateway({ epoch, sequence: to + 1000 }))).batches[0]).toMatchObject({ snapshot: true });
  });

  test('a Deployment hears of the roles that reach it, and of no others', async () => {
    const elsewhere = await server.makeDeployment('elsewhere');
    const token = await server.makeToken({ role: 'WORKSPACE_MEMBER' });
    await server.assign(token, [
      { entityType: 'DEPLOYMENT', entityId: elsewhere, role: 'DEPLOYMENT_ADMIN' },
      { entityType: 'DAG', entityId: 'orders', deploymentId: server.deploymentId, role: 'DAG_VIEWER' },
    ]);
    await server.makeToken({ role: 'DEPLOYMENT_ADMIN', entityId: elsewhere, name: 'not here' });
    const gateway = await connected(new Gateway());
    const heard = gateway.entries.filter((entry) => entry.kind === 'token');
    expect(heard.find((entry) => entry.id === token.id)?.bindings).toEqual([
      { entityType: 'WORKSPACE', entityId: server.workspaceId, role: 'WORKSPACE_MEMBER' },
      { entityType: 'DAG', entityId: 'orders', role: 'DAG_VIEWER' },
    ]);
    expect(heard.map((entry) => entry.name)).not.toContain('not here');
  });

  test('a rotation with an overlap tells when the old value ends; without one it is retired at once', async () => {
    const token = await server.makeToken({ role: 'DEPLOYMENT_ADMIN' });
    const gateway = await connected(new Gateway());
    await server.call(server.ownerToken, 'POST', `/tokens/${token.id}/rotate`, { overlapSeconds: 60 });
    await vi.waitFor(() => expect(gateway.batches).toHaveLength(2));
    const overlapping = gateway.entries.at(-1);
    expect(overlapping).toMatchObject({ values: [{ endsAt: server.deps.now() + 60_000 }, {}], retired: [] });
    await server.call(server.ownerToken, 'POST', `/tokens/${token.id}/rotate`);
    await vi.waitFor(() => expect(gateway.batches).toHaveLength(3));
    const rotated = gateway.entries.at(-1);
    expect(rotated?.kind === 'token' && rotated.values).toHaveLength(1);
    expect(rotated?.kind === 'token' && rotated.retired.map((value) => value.reason)).toEqual(['rotated', 'rotated']);
  });

  test('a signed heartbeat names exactly where the feed stands: one at once, and one every second', async () => {
    const gateway = new Gateway();
    hub.connect(gateway);
    for (let turn = 0; turn < 1000 && gateway.heartbeats.length === 0; turn++) await new Promise((resolve) => setImmediate(resolve));
    const { to, chainTo, epoch } = gateway.batches.at(-1) ?? {};
    expect(gateway.heartbeats).toMatchObject([{ sequence: to, chain: chainTo, epoch, at: server.deps.now() }]);
    server.advance(1000);
    await beat();
    await vi.waitFor(() => expect(gateway.heartbeats.at(-1)).toMatchObject({ sequence: to, chain: chainTo, epoch, at: server.deps.now() }));
  });

  test('the end of a Deployment is the last, signed entry of its feed', async () => {
    const gateway = await connected(new Gateway());
    expect((await server.call(server.ownerToken, 'DELETE', `/deployments/${server.deploymentId}`)).status).toBe(204);
    await vi.waitFor(() => expect(gateway.ended).toBe(true));
    expect(gateway.entries.at(-1)).toMatchObject({ kind: 'end', reason: 'deployment_deleted' });
    const late = await connected(new Gateway());
    expect(late.entries).toMatchObject([{ kind: 'end', reason: 'deployment_deleted' }]);
  });

  test('the end of an agent token reaches a connected gateway with the next heartbeat, and one that comes later at once', async () => {
    const agent = (await server.call(server.ownerToken, 'POST', `/deployments/${server.deploymentId}/agent-tokens`, { name: 'gateway' }))
      .body;
    const gateway = await connected(new Gateway(undefined, agent.id));
    await server.call(server.ownerToken, 'DELETE', `/deployments/${server.deploymentId}/agent-tokens/${agent.id}`);
    await beat();
    await vi.waitFor(() => expect(gateway.ended).toBe(true));
    expect(gateway.entries.at(-1)).toMatchObject({ kind: 'end', reason: 'agent_token_ended', agentTokenId: agent.id });

    const address = await server.app.listen({ port: 0, host: '127.0.0.1' });
    const answer = await fetch(`${address}/data-plane/v1/feed`, { headers: { authorization: `Bearer ${agent.token}` } });
    const [keys, last] = (await answer.text()).trim().split('\n');
    const payload = verifySignedObject(JSON.parse(last ?? '').batch, importKeys(JSON.parse(keys ?? '')), 'feed+jwt', 1e6).payload;
    const entries = FeedBatch.parse(payload).entries.map((body) => JSON.parse(body));
    expect(entries).toMatchObject([{ kind: 'end', reason: 'agent_token_ended', agentTokenId: agent.id }]);
  });

  test('J-06 an access token does not open the feed, and an agent token opens nothing else', async () => {
    const agent = (await server.call(server.ownerToken, 'POST', `/deployments/${server.deploymentId}/agent-tokens`, { name: 'gateway' }))
      .body;
    expect((await server.call(server.ownerToken, 'GET', '/data-plane/v1/feed')).status).toBe(401);
    for (const path of ['/v1/organizations', '/tokens', `/deployments/${server.deploymentId}`, `/tokens/${agent.id}`]) {
      expect((await server.call(agent.token, 'GET', path)).status, path).toBe(401);
    }
  });

  test('the stream of an agent token that expires ends with it', async () => {
    const gateway = new Gateway();
    gateway.expiresAt = server.deps.now() + 1500;
    await connected(gateway);
    server.advance(1000);
    await beat();
    await vi.waitFor(() => expect(gateway.heartbeats).toHaveLength(2));
    server.advance(500);
    await beat();
    await vi.waitFor(() => expect([gateway.ended, hub.connected]).toEqual([true, 0]));
    expect(gateway.heartbeats).toHaveLength(2);
  });

  test('one agent token holds four streams: a fifth takes the place of the oldest, and another token has its own', async () => {
    const gateways = Array.from({ length: 5 }, () => new Gateway());
    const other = new Gateway(undefined, 'c000000000000000000000001');
    for (const gateway of [other, ...gateways]) hub.connect(gateway);
    await vi.waitFor(() => expect(gateways.at(-1)?.batches).toHaveLength(1));
    expect(gateways.map((gateway) => gateway.ended)).toEqual([true, false, false, false, false]);
    expect([other.ended, hub.connected]).toEqual([false, 5]);
  });

  test('gateways that come at the same time cost one look at the database', async () => {
    const snapshots = vi.spyOn(server.deps.read, 'transaction');
    const gateways = Array.from({ length: 4 }, () => new Gateway());
    for (const gateway of gateways) hub.connect(gateway);
    await vi.waitFor(() => expect(gateways.every((gateway) => gateway.batches.length === 1)).toBe(true));
    expect(snapshots).toHaveBeenCalledTimes(1);
    await server.makeToken({ role: 'DEPLOYMENT_ADMIN' });
    await vi.waitFor(() => expect(gateways.every((gateway) => gateway.batches.length === 2)).toBe(true));
    await connected(new Gateway(undefined, 'c000000000000000000000001'));
    expect(snapshots).toHaveBeenCalledTimes(2); // later is another moment
  });
});
