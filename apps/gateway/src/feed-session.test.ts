import { hash } from 'node:crypto';
import { thumbprint } from '@astrolabe/verify';
import { beforeEach, describe, expect, test } from 'vitest';
import { FakeControlPlane, ids, newSigningKey, TestClock } from './fake-control-plane.ts';
import { FeedError, FeedSession, type FeedSink, type LineKind, type VerifiedUpdate } from './feed-session.ts';
import { State } from './state.ts';

let clock: TestClock;
let server: FakeControlPlane;
let state: State;
let updates: VerifiedUpdate[];
let sink: FeedSink;
let session: FeedSession;

beforeEach(() => {
  clock = new TestClock();
  server = new FakeControlPlane(clock);
  state = new State(ids.deployment, clock);
  updates = [];
  sink = {
    deploymentId: ids.deployment,
    agentTokenId: ids.agentToken,
    feedKeyThumbprint: thumbprint(server.feedKey.jwk),
    position: () => state.position,
    latestAt: () => state.freshness.latestAt,
    apply(update) {
      updates.push(update);
      state.apply(update);
    },
    count: ({ at }) => state.freshness.count(at),
  };
  session = new FeedSession(sink);
});

function take(...lines: readonly string[]): LineKind[] {
  return lines.map((line) => session.take(line));
}

/** What every test of a broken feed starts from: a state with one live value. */
function connect() {
  const issued = server.issue();
  server.publish(issued.entry);
  take(server.keysLine(), ...server.snapshotLines(), server.heartbeatLine());
  return issued;
}

describe('a feed that is as it should be', () => {
  test('brings keys, a snapshot, changes and heartbeats', () => {
    const first = server.issue();
    server.publish(first.entry);
    expect(take(server.keysLine(), ...server.snapshotLines(), server.heartbeatLine())).toEqual(['keys', 'applied', 'counted']);
    expect(state.find(first.jtiHash)?.token.id).toBe(first.id);
    expect(state.freshness.stalenessMs()).toBe(0);
    const second = server.issue();
    expect(take(server.publish(second.entry))).toEqual(['applied']);
    expect(state.find(second.jtiHash)).toBeDefined();
    expect(state.position).toEqual({ epoch: 'epoch-1', sequence: server.sequence, chain: server.chain });
  });

  test('the parts of a snapshot are applied together, with the last', () => {
    const issued = server.issue();
    server.publish(issued.entry);
    take(server.keysLine());
    const parts = server.snapshotLines(1);
    expect(take(...parts)).toEqual(['collected', 'collected', 'applied']);
    expect(updates).toHaveLength(1);
    expect(state.find(issued.jtiHash)).toBeDefined();
  });

  test('nobody sees half of a snapshot, and a heartbeat in between does not count', () => {
    server.publish(server.issue().entry);
    take(server.keysLine(), ...server.snapshotLines(1).slice(0, 2));
    expect(state.position).toBeUndefined();
    expect(take(server.heartbeatLine())).toEqual(['ignored']);
  });

  test('a heartbeat counts only for the sequence that is applied', () => {
    connect();
    clock.advance(1_000);
    const late = server.publish(server.issue().entry);
    expect(take(server.heartbeatLine())).toEqual(['ignored']);
    expect(state.freshness.stalenessMs()).toBe(1_000);
    expect(take(late, server.heartbeatLine())).toEqual(['applied', 'counted']);
  });

  test('lines of a kind that a later version brings are passed over', () => {
    connect();
    expect(take('{"note":"hello"}')).toEqual(['ignored']);
  });

  test('a snapshot of a new epoch replaces everything, and waits for its own heartbeat', () => {
    const before = connect();
    clock.advance(1_000);
    const restored = new FakeControlPlane(clock, server.feedKey);
    restored.epoch = 'epoch-2';
    take(...restored.snapshotLines());
    expect(state.find(before.jtiHash)).toBeUndefined();
    expect(state.freshness.stalenessMs()).toBe(Number.POSITIVE_INFINITY);
    expect(take(restored.heartbeatLine())).toEqual(['counted']);
    expect(state.freshness.stalenessMs()).toBe(0);
  });
});

describe('V-05 a feed that cannot be believed causes a resync and changes nothing:', () => {
  const cases: [name: string, lines: () => string[]][] = [
    ['no JSON', () => ['nonsense']],
    ['an unsigned batch', () => [JSON.stringify({ batch: unsigned(server.publish(server.issue().entry)) })]],
    ['a batch signed with another key', () => [server.batchLine({ snapshot: true }, newSigningKey('feed-1'))]],
    ['a batch signed with a token key', () => [server.batchLine({ snapshot: true }, server.tokenKey)]],
    ['an altered batch', () => [altered(server.publish(server.issue().entry))]],
    ['a batch for another Deployment', () => [server.batchLine({ snapshot: true, aud: `data-plane:${ids.otherDeployment}` })]],
    ['a heartbeat as a batch', () => [server.heartbeatLine().replace('heartbeat', 'batch')]],
    ['a batch as a heartbeat', () => [server.batchLine({ snapshot: true }).replace('batch', 'heartbeat')]],
    ['changes that came before', () => Array<string>(2).fill(server.publish(server.issue().entry))],
    [
      'changes after a gap',
      () => {
        server.publish(server.issue().entry);
        return [server.publish(server.issue().entry)];
      },
    ],
    ['fewer changes than it says', () => [changeWith({ entries: [] })]],
    ['more changes than it says', () => [changeWith({ entries: ['{}', '{}'] })]],
    ['a change that its chain does not follow from', () => [changeWith({ entries: [JSON.stringify(server.issue().entry)] })]],
    ['a change that goes on from another chain', () => [changeWith({ chainFrom: hash('sha256', 'other', 'hex') })]],
    ['a change of another epoch', () => [changeWith({ epoch: 'epoch-0' })]],
    ['a change that is one of many parts', () => [changeWith({ parts: 2 })]],
    ['a heartbeat of another epoch', () => [server.heartbeatLine({ epoch: 'epoch-0' })]],
    ['a heartbeat with another chain', () => [server.heartbeatLine({ chain: hash('sha256', 'other', 'hex') })]],
    ['a heartbeat for another Deployment', () => [server.heartbeatLine({ aud: `data-plane:${ids.otherDeployment}` })]],
    ['a snapshot that begins with its second part', () => [server.snapshotLines(1)[1] ?? '']],
    ['a snapshot without its second part', () => [server.snapshotLines(1)[0] ?? '', server.snapshotLines(1)[2] ?? '']],
    [
      'parts of two snapshots',
      () => {
        const first = server.snapshotLines(1)[0] ?? '';
        server.publish(server.issue().entry);
        return [first, server.snapshotLines(1)[1] ?? ''];
      },
    ],
    ['a change in the middle of a snapshot', () => [server.snapshotLines(1)[0] ?? '', server.publish(server.issue().entry)]],
    ['a snapshot that is older than the state', () => [server.batchLine({ snapshot: true, to: server.sequence - 1 })]],
    [
      'a snapshot of the same sequence and another chain',
      () => [server.batchLine({ snapshot: true, chainTo: hash('sha256', 'x', 'hex') })],
    ],
    ['an old snapshot of another epoch', () => [server.batchLine({ snapshot: true, epoch: 'epoch-0', iat: clock.now() / 1000 - 61 })]],
    ['an entry about another Deployment', () => [server.publish({ ...deploymentEntry(), id: ids.otherDeployment })]],
    ['an entry with unknown members', () => [server.publish({ ...deploymentEntry(), owner: 'x' } as ReturnType<typeof deploymentEntry>)]],
    ['a batch with unknown members', () => [server.batchLine({ snapshot: true, ...{ extra: 1 } })]],
  ];

  test.each(cases)('%s', (_name, lines) => {
    const issued = connect();
    const position = state.position;
    const broken = lines();
    const last = broken.pop() ?? '';
    take(...broken);
    const applied = updates.length;
    expect(() => session.take(last)).toThrow(FeedError);
    expect(updates).toHaveLength(applied);
    if (broken.length === 0 || applied === 1) expect(state.position).toEqual(position);
    expect(state.find(issued.jtiHash)).toBeDefined();
  });

  test('keys among which the pinned one is not', () => {
    expect(() => session.take(server.keysLine([newSigningKey('feed-1')]))).toThrow(FeedError);
    expect(() => session.take(server.batchLine({ snapshot: true }))).toThrow(FeedError);
  });

  test('a batch before the keys', () => {
    expect(() => session.take(server.snapshotLines()[0] ?? '')).toThrow(FeedError);
  });

  test('a batch signed with a key that is offered beside the pinned one', () => {
    const other = newSigningKey('feed-2');
    take(server.keysLine([other, server.feedKey]));
    expect(() => session.take(server.batchLine({ snapshot: true }, other))).toThrow(FeedError);
  });

  test('a replayed heartbeat leaves the state as old as it is', () => {
    connect();
    const heartbeat = server.heartbeatLine({ at: clock.now() });
    clock.advance(30_000);
    expect(take(heartbeat)).toEqual(['ignored']);
    expect(state.freshness.stalenessMs()).toBe(30_000);
  });

  test('no error quotes what it read', () => {
    connect();
    expect(() => session.take('{"batch":"secret-looking"}')).toThrow(/^(?!.*secret)/);
    expect(() => session.take('secret-looking')).toThrow(/^(?!.*secret)/);
  });
});

describe('the last word', () => {
  test('a snapshot that holds nothing but an end keeps what is known, to explain the refusals', () => {
    const issued = connect();
    expect(take(server.batchLine({ snapshot: true, entries: [endOf(ids.agentToken)] }))).toEqual(['applied']);
    expect(state.end?.reason).toBe('agent_token_ended');
    expect(state.find(issued.jtiHash)).toBeDefined();
  });

  test('leaves the state where it stood, because what changed since never came', () => {
    connect();
    const { position } = state;
    server.publish(server.issue().entry); // not heard
    take(server.batchLine({ snapshot: true, entries: [endOf(ids.agentToken)] }));
    expect(state.end).toBeDefined();
    expect(state.position).toEqual(position);
    expect(take(server.heartbeatLine())).toEqual(['ignored']);
  });

  test('V-05 of another agent token of the Deployment ends nothing here', () => {
    connect();
    for (const id of [ids.otherDeployment, undefined]) {
      expect(() => take(server.batchLine({ snapshot: true, entries: [endOf(id)] }))).toThrow('another agent token');
    }
    expect(state.end).toBeUndefined();
  });
});

const endOf = (agentTokenId: string | undefined): string =>
  JSON.stringify({ kind: 'end', reason: 'agent_token_ended', at: clock.now(), agentTokenId });

function deploymentEntry() {
  const { organization: organizationId, workspace: workspaceId, deployment: id } = ids;
  return { kind: 'deployment' as const, id, name: 'x', workspaceId, organizationId, issuers: [server.issuer] };
}

/** The change of one new token, with something wrong about it. */
function changeWith(wrong: Parameters<FakeControlPlane['batchLine']>[0]): string {
  const { sequence: from, chain: chainFrom } = server;
  const { entry } = server.issue();
  server.publish(entry);
  return server.batchLine({ from, chainFrom, entries: [JSON.stringify(entry)], ...wrong });
}

function unsigned(line: string): string {
  const [header, payload] = (JSON.parse(line) as { batch: string }).batch.split('.');
  return `${header}.${payload}.`;
}

/** One character in the middle of the payload changed. */
function altered(line: string): string {
  const at = Math.floor(line.length / 2);
  return line.slice(0, at) + (line[at] === 'A' ? 'B' : 'A') + line.slice(at + 1);
}
