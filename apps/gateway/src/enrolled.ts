import { createSignatureCache, type SignatureCache } from '@astrolabe/verify';
import { createMinter, type Minter } from './airflow-credential.ts';
import { AirflowProbe, type AirflowStatus } from './airflow-probe.ts';
import type { Clock } from './clock.ts';
import type { GatewayConfig } from './config.ts';
import { type Enrolment, EnrolmentError } from './enrolment.ts';
import { FeedClient, type FeedStatus } from './feed-client.ts';
import type { Gate } from './judge.ts';
import { KeptState } from './kept-state.ts';
import type { Log } from './log.ts';
import type { Reading } from './metrics.ts';
import { createProxy } from './proxy.ts';

/** How often old explanations are looked for. */
const purgeEveryMs = 60 * 60 * 1000;

/** What a gateway has from the moment it is enrolled: a state that follows the feed, and the way to one Airflow. */
export class Enrolled {
  readonly enrolment: Enrolment;
  readonly gate: Gate;
  readonly minter: Minter;
  readonly proxy: ReturnType<typeof createProxy>;
  readonly #kept: KeptState;
  readonly #feed: FeedClient;
  readonly #probe: AirflowProbe;
  readonly #signatures: SignatureCache;
  readonly #clock: Clock;
  #cancelPurge: () => void = () => {};

  /**
   * Takes up the state on disk, then follows the feed.
   *
   * @throws StateFileError when the state file cannot be used
   * @throws EnrolmentError when Airflow's address or credential cannot be used
   */
  constructor(enrolment: Enrolment, config: GatewayConfig, clock: Clock, log: Log) {
    this.enrolment = enrolment;
    this.#clock = clock;
    ({ minter: this.minter, proxy: this.proxy } = wayToAirflow(enrolment, config, clock, log));
    this.#kept = new KeptState(enrolment, config.dataFolder, clock, log);
    const { state } = this.#kept;
    let { keys } = state;
    this.#signatures = createSignatureCache(keys);
    // the first listener, so that whoever asks again after a change asks the new keys
    state.onChange(() => {
      if (state.keys === keys) return;
      keys = state.keys;
      this.#signatures.replaceKeys(keys);
    });
    const limits = {
      maxStalenessMs: config.maxStalenessSeconds * 1000,
      maxDirectStalenessMs: config.maxDirectStalenessSeconds * 1000,
      maxSkewSeconds: config.maxSkewSeconds,
    };
    this.gate = { state, signatures: this.#signatures, limits, clock };
    const { serverUrl, agentToken } = enrolment;
    this.#feed = new FeedClient({ serverUrl, agentToken, sink: this.#kept, hasEnded: () => state.end !== undefined, clock, log });
    this.#probe = new AirflowProbe(enrolment.airflowUrl, config.airflowProbeSeconds * 1000, clock);
  }

  start(): void {
    this.#feed.start();
    this.#probe.start();
    this.#purgeLater();
  }

  get feedStatus(): FeedStatus {
    return this.#feed.status;
  }

  get airflowStatus(): AirflowStatus {
    return this.#probe.status;
  }

  /** Lets go of the control plane and of the state file at once, so that another one can take its place; of Airflow after `leaveAfterMs`. */
  release(leaveAfterMs: number): void {
    this.#stop();
    this.#clock.after(leaveAfterMs, () => void this.proxy.close());
  }

  /** Lets go of everything. */
  async close(): Promise<void> {
    this.#stop();
    await this.proxy.close();
  }

  #stop(): void {
    this.#cancelPurge();
    this.#feed.stop();
    this.#probe.stop();
    this.#kept.close();
  }

  read(): Reading {
    const { state } = this.gate;
    const { lagMs } = state.freshness;
    return {
      stalenessSeconds: state.freshness.stalenessMs() / 1000,
      feedLagSeconds: lagMs === undefined ? undefined : lagMs / 1000,
      sequence: state.position?.sequence,
      liveValues: state.liveCount,
      isFollowing: this.#feed.status === 'connected',
      cachedSignatures: this.#signatures.size,
    };
  }

  #purgeLater(): void {
    this.#cancelPurge = this.#clock.after(purgeEveryMs, () => {
      this.#kept.purge();
      this.#purgeLater();
    });
  }
}

function wayToAirflow(enrolment: Enrolment, config: GatewayConfig, clock: Clock, log: Log) {
  try {
    const minter = createMinter(enrolment.airflowCredential, clock.now);
    const proxy = createProxy({
      airflowUrl: enrolment.airflowUrl,
      maxBodyBytes: config.maxBodyBytes,
      connectTimeoutMs: config.airflowConnectTimeoutSeconds * 1000,
      answerTimeoutMs: config.airflowAnswerTimeoutSeconds * 1000,
      idleTimeoutMs: config.airflowIdleTimeoutSeconds * 1000,
      onFault: ({ requestId, kind, cause }) => log.warn({ requestId, code: kind, err: cause }, 'Airflow did not answer as it should'),
    });
    return { minter, proxy };
  } catch (error) {
    throw new EnrolmentError(`The enrolment cannot be used: ${error instanceof Error ? error.message : 'unknown error'}.`);
  }
}
