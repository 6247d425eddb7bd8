import { join } from 'node:path';
import type { Clock } from './clock.ts';
import { type Enrolment, gatewayFolder } from './enrolment.ts';
import { FeedError, type FeedSink, readStoredHeartbeat, type VerifiedUpdate } from './feed-session.ts';
import type { Log } from './log.ts';
import { explanationMs, State } from './state.ts';
import { openStateFile, type StateFile } from './state-file.ts';

/** How long after a failed write a snapshot is asked for, to have the whole state on disk again. */
const rewriteAfterMs = 60_000;

/** The state in memory and its copy on disk: what the feed writes to, and what a start without control plane reads. */
export class KeptState implements FeedSink {
  readonly state: State;
  readonly deploymentId: string;
  readonly agentTokenId: string;
  readonly feedKeyThumbprint: string;
  readonly #file: StateFile;
  readonly #clock: Clock;
  readonly #log: Log;
  /** When the file fell behind memory, in monotonic time: nothing is written after a gap, until a snapshot fills it. */
  #behindSince: number | undefined;

  /**
   * Opens the state file and starts from what it holds.
   *
   * @throws StateFileError when another process uses the file or it cannot be written
   */
  constructor(enrolment: Enrolment, dataFolder: string, clock: Clock, log: Log) {
    this.deploymentId = enrolment.deploymentId;
    this.feedKeyThumbprint = enrolment.feedKeyThumbprint;
    this.agentTokenId = enrolment.agentTokenId;
    this.#clock = clock;
    this.#log = log;
    this.state = new State(enrolment.deploymentId, clock);
    this.#file = openStateFile(join(gatewayFolder(dataFolder), 'state.db'), enrolment, (reason) => log.error(reason));
    this.#start();
  }

  position() {
    return this.state.position;
  }

  latestAt(): number | undefined {
    return this.state.freshness.latestAt;
  }

  /** Memory first: a revoked token is refused even when the disk is full. */
  apply(update: VerifiedUpdate): void {
    this.state.apply(update);
    if (this.#behindSince !== undefined && !update.replaces) return;
    this.#behindSince = this.#written(() => this.#file.write(update));
  }

  count(heartbeat: { readonly at: number; readonly jws: string }): boolean {
    if (!this.state.freshness.count(heartbeat.at)) {
      if (this.state.freshness.isClockWrong()) this.#log.warn({ code: 'clock_skew' }, 'a clock is wrong: the state counts as too old');
      return false;
    }
    if (this.#behindSince === undefined) {
      this.#behindSince = this.#written(() => this.#file.writeHeartbeat({ jws: heartbeat.jws, seenAt: this.#clock.now() }));
    } else if (this.#clock.monotonicMs() - this.#behindSince >= rewriteAfterMs) {
      this.#behindSince = this.#clock.monotonicMs();
      throw new FeedError('the state file is behind');
    }
    return true;
  }

  /** V-08: forgets in memory and on disk what nobody needs an explanation of any more. */
  purge(): void {
    this.state.purge();
    this.#written(() => this.#file.purge(this.#clock.now() - explanationMs));
  }

  close(): void {
    this.#file.close();
  }

  #start(): void {
    const { stored } = this.#file;
    if (stored === undefined) return;
    this.state.apply({ position: stored.position, replaces: true, entries: stored.entries });
    // the end of an agent token says nothing about the one that took its place
    const { end } = this.state;
    if (end?.reason === 'agent_token_ended' && end.agentTokenId !== this.agentTokenId) {
      this.state.reopen();
      this.#file.dropEnd();
    }
    if (stored.heartbeat === undefined) return;
    const at = readStoredHeartbeat({ ...stored, jws: stored.heartbeat.jws }, this);
    if (at === undefined) this.#log.warn('the stored heartbeat does not speak of the stored state: its age is unknown');
    else this.state.freshness.restore(at, stored.heartbeat.seenAt);
  }

  /** Undefined when it was written, otherwise since when the file is behind. */
  #written(write: () => void): number | undefined {
    try {
      write();
      return undefined;
    } catch (error) {
      this.#log.error({ err: error }, 'the state cannot be written to disk; a restart without control plane would start from an older one');
      return this.#clock.monotonicMs();
    }
  }
}
