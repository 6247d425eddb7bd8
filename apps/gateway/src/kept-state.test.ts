import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Enrolment } from './enrolment.ts';
import { FakeControlPlane, ids, newSigningKey, TestClock } from './fake-control-plane.ts';
import { FeedSession } from './feed-session.ts';
import { KeptState } from './kept-state.ts';
import { createLog } from './log.ts';

let folder: string;
let file: string;
let clock: TestClock;
let server: FakeControlPlane;
let enrolment: Enrolment;
let logged: string[];
let open: KeptState[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'astrolabe-'));
  mkdirSync(join(folder, 'gateway'), { mode: 0o700 });
  file = join(folder, 'gateway', 'state.db');
  clock = new TestClock();
  server = new FakeControlPlane(clock);
  enrolment = server.enrolment();
  logged = [];
  open = [];
});

afterEach(() => {
  for (const kept of open) kept.close();
  rmSync(folder, { recursive: true });
});

function start(as: Enrolment = enrolment): KeptState {
  const kept = new KeptState(as, folder, clock, createLog('debug', { write: (line) => logged.push(line) }));
  open.push(kept);
  return kept;
}

function stop(kept: KeptState): void {
  kept.close();
  open = open.filter((other) => other !== kept);
}

function follow(kept: KeptState, ...lines: readonly string[]): FeedSession {
  const session = new FeedSession(kept);
  for (const line of [server.keysLine(), ...lines]) session.take(line);
  return session;
}

describe('a restart with the control plane gone', () => {
  test('V-04 knows what was live and what was revoked', () => {
    const [live, revoked] = [server.issue(), server.issue()];
    server.publish(live.entry, revoked.entry);
    const before = start();
    follow(before, ...server.snapshotLines(), server.retire(revoked, 'deleted'), server.heartbeatLine());
    const { position } = before.state;
    stop(before);
    const { state } = start();
    expect(state.find(live.jtiHash)?.token.name).toBe('ci');
    expect(state.find(revoked.jtiHash)).toBeUndefined();
    expect(state.explain(revoked.jtiHash)?.reason).toBe('deleted');
    expect(state.position).toEqual(position);
    expect(state.deployment?.audiences).toContain(`workspace:${ids.workspace}`);
    expect(state.keys.has(server.tokenKey.jwk.kid)).toBe(true);
  });

  test('V-04 the state is as old as its last heartbeat, not as the restart', () => {
    const before = start();
    follow(before, ...server.snapshotLines(), server.heartbeatLine());
    stop(before);
    clock.wall += 200_000;
    clock.monotonic = 0;
    expect(start().state.freshness.stalenessMs()).toBe(200_000);
  });

  test('V-04 an older copy of the file counts at its real age', () => {
    const issued = server.issue();
    server.publish(issued.entry);
    const before = start();
    const session = follow(before, ...server.snapshotLines(), server.heartbeatLine());
    stop(before);
    copyFileSync(file, `${file}.copy`);
    const during = start();
    clock.advance(100_000);
    const later = follow(during, server.retire(issued, 'deleted'), server.heartbeatLine());
    expect(later).not.toBe(session);
    stop(during);
    copyFileSync(`${file}.copy`, file);
    const { state } = start();
    expect(state.find(issued.jtiHash)).toBeDefined();
    expect(state.freshness.stalenessMs()).toBe(100_000);
  });

  test('V-04 a state without a heartbeat of its own is of unknown age', () => {
    const before = start();
    follow(before, ...server.snapshotLines());
    stop(before);
    expect(start().state.freshness.stalenessMs()).toBe(Number.POSITIVE_INFINITY);
  });

  test('V-05 a stored heartbeat that the pinned key did not sign is worth nothing', () => {
    const before = start();
    follow(before, ...server.snapshotLines());
    const stranger = newSigningKey('feed-1');
    const { heartbeat } = JSON.parse(server.heartbeatLine({}, stranger)) as { heartbeat: string };
    before.count({ at: clock.now(), jws: heartbeat });
    stop(before);
    expect(start().state.freshness.stalenessMs()).toBe(Number.POSITIVE_INFINITY);
  });

  test('a replayed heartbeat of before the restart does not count after it', () => {
    const before = start();
    const heartbeat = server.heartbeatLine();
    follow(before, ...server.snapshotLines(), heartbeat);
    stop(before);
    clock.advance(50_000);
    const after = start();
    follow(after, heartbeat);
    expect(after.state.freshness.stalenessMs()).toBe(50_000);
  });

  test('the feed goes on where it stopped', () => {
    const before = start();
    follow(before, ...server.snapshotLines());
    stop(before);
    const issued = server.issue();
    const after = start();
    follow(after, server.publish(issued.entry));
    expect(after.state.find(issued.jtiHash)).toBeDefined();
  });
});

describe('the state file', () => {
  test('of another Deployment is emptied', () => {
    const issued = server.issue();
    server.publish(issued.entry);
    const before = start();
    follow(before, ...server.snapshotLines(), server.heartbeatLine());
    stop(before);
    const { state } = start({ ...enrolment, deploymentId: ids.otherDeployment });
    expect(state.position).toBeUndefined();
    expect(state.find(issued.jtiHash)).toBeUndefined();
    expect(logged.join()).toContain('of another Deployment');
  });

  test('that is damaged is moved aside, and the gateway starts knowing nothing', () => {
    writeFileSync(file, 'this is no database, and longer than the header of one would be');
    const { state } = start();
    expect(state.position).toBeUndefined();
    expect(state.freshness.stalenessMs()).toBe(Number.POSITIVE_INFINITY);
    expect(existsSync(`${file}.damaged`)).toBe(true);
    expect(logged.join()).toContain('is damaged');
  });

  test('is used by one process at a time', () => {
    start();
    expect(() => start()).toThrow(/another process uses it/);
  });

  test('that cannot be opened is one clear sentence', () => {
    mkdirSync(file);
    expect(() => start()).toThrow(/^The state file .* cannot be used: SQLITE_CANTOPEN/);
  });

  test('V-08 forgets tokens that left 30 days ago', () => {
    const issued = server.issue();
    const at = clock.now();
    server.publish({ kind: 'token-gone', id: issued.id, retired: [{ jtiHash: issued.jtiHash, reason: 'deleted', at }] });
    const before = start();
    follow(before, ...server.snapshotLines());
    clock.advance(31 * 86_400_000);
    before.purge();
    stop(before);
    clock.wall = at; // so that an explanation that is still there would be given
    expect(start().state.explain(issued.jtiHash)).toBeUndefined();
  });
});

describe('a disk that cannot be written', () => {
  test('O-07 stops no revocation, and nothing is written after the gap until a snapshot fills it', () => {
    const [revoked, later] = [server.issue(), server.issue()];
    server.publish(revoked.entry);
    const kept = start();
    const session = follow(kept, ...server.snapshotLines(), server.heartbeatLine());
    kept.close();
    session.take(server.retire(revoked, 'deleted'));
    expect(kept.state.find(revoked.jtiHash)).toBeUndefined();
    expect(logged.join()).toContain('cannot be written to disk');
    session.take(server.publish(later.entry));
    expect(kept.state.find(later.jtiHash)).toBeDefined();
    clock.advance(1_000);
    expect(session.take(server.heartbeatLine())).toBe('counted');
    clock.advance(60_000);
    expect(() => session.take(server.heartbeatLine())).toThrow('the state file is behind');
  });
});

describe('the end', () => {
  const end = { kind: 'end' as const, reason: 'agent_token_ended' as const, agentTokenId: ids.agentToken };

  test('is kept over a restart', () => {
    const before = start();
    follow(before, ...server.snapshotLines(), server.publish({ ...end, at: clock.now() }));
    stop(before);
    expect(start().state.end?.reason).toBe('agent_token_ended');
  });

  test('of an agent token is lifted by another one, that of a Deployment by nothing', () => {
    const before = start();
    follow(before, ...server.snapshotLines(), server.publish({ ...end, at: clock.now() }));
    stop(before);
    const successor = { ...server.enrolment(), agentTokenId: 'c0000000000000000successor' };
    const again = start(successor);
    expect(again.state.end).toBeUndefined();
    follow(again, server.publish(server.issue().entry));
    stop(again);
    const later = start(successor);
    expect(later.state.end).toBeUndefined();
    follow(later, server.publish({ kind: 'end', reason: 'deployment_deleted', at: clock.now() }));
    stop(later);
    expect(start(server.enrolment()).state.end?.reason).toBe('deployment_deleted');
  });

  test('V-04 who was revoked before an agent token ended is refused after another took its place', () => {
    const revoked = server.issue();
    server.publish(revoked.entry);
    const before = start();
    follow(before, ...server.snapshotLines(), server.heartbeatLine());
    const missed = server.retire(revoked, 'deleted'); // the gateway is off, and comes back without an agent token
    follow(before, server.batchLine({ snapshot: true, entries: [JSON.stringify({ ...end, at: clock.now() })] }));
    stop(before);
    const again = start({ ...server.enrolment(), agentTokenId: 'c0000000000000000successor' });
    expect(again.state.end).toBeUndefined();
    clock.advance(1_000);
    const session = follow(again, server.heartbeatLine());
    expect(again.state.freshness.stalenessMs()).toBe(1_000); // the heartbeat speaks of what did not come yet
    session.take(missed);
    expect(again.state.find(revoked.jtiHash)).toBeUndefined();
  });
});
