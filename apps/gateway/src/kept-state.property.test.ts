import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'vitest';
import { FakeControlPlane, type Issued, TestClock } from './fake-control-plane.ts';
import { FeedError, FeedSession } from './feed-session.ts';
import { KeptState } from './kept-state.ts';
import { createLog } from './log.ts';

/** What may happen next. Where a step is `heard`, the gateway gets what the control plane says about it, else it is only recorded. */
const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ does: fc.constant('issue' as const), heard: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('revoke' as const), which: fc.nat(), heard: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ does: fc.constant('beat' as const), heard: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('snapshot' as const), perPart: fc.constantFrom(2, 1000), heard: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ does: fc.constant('replay' as const), which: fc.nat(), count: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('reconnect' as const) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('restart' as const) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('copyFile' as const) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('restoreFile' as const), which: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('endAgentToken' as const), heard: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('newEpoch' as const) }) },
);
const game = fc.array(fc.tuple(step, fc.constantFrom(0, 900, 2_000, 40_000)), { minLength: 40, maxLength: 160 });
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** A gateway, its control plane, and somebody in between who has recorded every signed line. */
class World {
  readonly folder = mkdtempSync(join(tmpdir(), 'astrolabe-'));
  readonly clock = new TestClock();
  readonly server = new FakeControlPlane(this.clock);
  kept: KeptState;
  readonly #file = join(this.folder, 'gateway', 'state.db');
  readonly #revokedAt = new Map<string, number>();
  readonly #live: Issued[] = [];
  readonly #recorded: string[] = [];
  readonly #copies: string[] = [];
  #agentTokens = 0;
  #session: FeedSession;

  constructor() {
    mkdirSync(join(this.folder, 'gateway'), { mode: 0o700 });
    this.kept = this.#open();
    this.#session = new FeedSession(this.kept);
    this.#connect();
    this.#say(true, ...this.server.snapshotLines(), this.server.heartbeatLine());
  }

  run(next: Step): void {
    switch (next.does) {
      case 'issue': {
        const issued = this.server.issue({ expiresAt: null });
        this.#live.push(issued);
        this.#say(next.heard, this.server.publish(issued.entry));
        break;
      }
      case 'revoke': {
        const [issued] = this.#live.splice(next.which % Math.max(1, this.#live.length), 1);
        if (issued === undefined) break;
        this.#revokedAt.set(issued.jtiHash, this.clock.now());
        this.#say(next.heard, this.server.retire(issued, 'deleted'));
        break;
      }
      case 'beat':
        this.#say(next.heard, this.server.heartbeatLine());
        break;
      case 'snapshot':
        if (next.heard) this.#connect();
        this.#say(next.heard, ...this.server.snapshotLines(next.perPart));
        break;
      case 'replay': {
        const from = next.which % this.#recorded.length;
        for (const line of this.#recorded.slice(from, from + next.count)) this.#take(line);
        break;
      }
      case 'endAgentToken': {
        const end = { kind: 'end', reason: 'agent_token_ended', at: this.clock.now(), agentTokenId: this.#agentTokenId() };
        if (next.heard) this.#connect();
        this.#say(next.heard, this.server.batchLine({ snapshot: true, entries: [JSON.stringify(end)] }));
        this.#agentTokens++;
        this.#restart();
        break;
      }
      case 'newEpoch':
        this.server.epoch = `epoch-${this.#recorded.length}`;
        break;
      case 'reconnect':
        this.#connect();
        break;
      case 'restart':
        this.#restart();
        break;
      case 'copyFile':
        this.#restart(() => {
          const copy = join(this.folder, `copy-${this.#copies.length}`);
          copyFileSync(this.#file, copy);
          this.#copies.push(copy);
        });
        break;
      case 'restoreFile': {
        const copy = this.#copies[next.which % Math.max(1, this.#copies.length)];
        if (copy !== undefined) this.#restart(() => copyFileSync(copy, this.#file));
      }
    }
  }

  /** The promise: a state that says it is so old lets nobody in who was revoked before that. */
  assertKept(): void {
    const { state } = this.kept;
    const stalenessMs = state.freshness.stalenessMs();
    if (!Number.isFinite(stalenessMs) || state.end !== undefined) return;
    for (const [jtiHash, at] of this.#revokedAt) {
      const isLetIn = state.find(jtiHash) !== undefined;
      if (isLetIn && at < this.clock.now() - stalenessMs - 1)
        throw new Error(`revoked ${this.clock.now() - at} ms ago, let in by a state of ${stalenessMs} ms`);
    }
  }

  close(): void {
    this.kept.close();
    rmSync(this.folder, { recursive: true });
  }

  #agentTokenId = (): string => `c${String(this.#agentTokens).padStart(24, '0')}`;

  #open(): KeptState {
    const log = createLog('error', { write: () => undefined });
    return new KeptState({ ...this.server.enrolment(), agentTokenId: this.#agentTokenId() }, this.folder, this.clock, log);
  }

  #restart(meanwhile: () => void = () => undefined): void {
    this.kept.close();
    meanwhile();
    this.kept = this.#open();
    this.#connect();
  }

  #connect(): void {
    this.#session = new FeedSession(this.kept);
    this.#take(this.server.keysLine());
  }

  #say(isHeard: boolean, ...lines: readonly string[]): void {
    this.#recorded.push(...lines);
    if (isHeard) for (const line of lines) this.#take(line);
  }

  #take(line: string): void {
    try {
      this.#session.take(line);
    } catch (error) {
      if (!(error instanceof FeedError)) throw error;
      this.#connect();
    }
  }
}

test('V-03 V-04 V-05 whatever is replayed, withheld, reordered, restored or ended, a state is as good as it says', () => {
  fc.assert(
    fc.property(game, (steps) => {
      const world = new World();
      try {
        for (const [next, afterMs] of steps) {
          world.clock.advance(afterMs);
          world.run(next);
          world.assertKept();
        }
      } finally {
        world.close();
      }
    }),
    { numRuns: 25, seed: 6 },
  );
});
