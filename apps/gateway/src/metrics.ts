import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What the gateway looks like from outside at the moment of a scrape. */
export interface Reading {
  readonly stalenessSeconds: number;
  /** Between the control plane's read of its database and our counting of the heartbeat. */
  readonly feedLagSeconds: number | undefined;
  readonly sequence: number | undefined;
  readonly liveValues: number;
  readonly isFollowing: boolean;
  readonly cachedSignatures: number;
}

/** Numbers for Prometheus. On the path of a request only plain additions happen; everything else is read at the scrape. */
export class Metrics {
  readonly registry = new Registry();
  readonly #verdicts = new Map<string, number>();
  readonly #durations: Durations;
  #read: () => Reading | undefined = () => undefined;

  constructor() {
    const registers = [this.registry];
    const verdicts = this.#verdicts;
    new Counter({
      name: 'astrolabe_gateway_verdicts_total',
      help: 'Requests by verdict: pass, or the code of the refusal.',
      labelNames: ['code'],
      registers,
      collect() {
        this.reset();
        for (const [code, count] of verdicts) this.inc({ code }, count);
      },
    });
    this.#durations = new Durations(registers);
    const gauge = (name: string, help: string, value: (reading: Reading) => number | undefined): void => {
      const read = (): number | undefined => {
        const reading = this.#read();
        return reading === undefined ? undefined : value(reading);
      };
      new Gauge({
        name: `astrolabe_gateway_${name}`,
        help,
        registers,
        collect() {
          const now = read();
          if (now === undefined) this.remove();
          else this.set(now);
        },
      });
    };
    gauge(
      'staleness_seconds',
      'Age of what the gateway knows; +Inf before the first heartbeat and while a clock is wrong.',
      (r) => r.stalenessSeconds,
    );
    gauge('feed_lag_seconds', 'How long the last heartbeat that counted was on its way.', (r) => r.feedLagSeconds);
    gauge('feed_sequence', 'The last change that is applied.', (r) => r.sequence);
    gauge('feed_connected', '1 while the gateway follows the control plane.', (r) => Number(r.isFollowing));
    gauge('live_values', 'Token values in the positive list.', (r) => r.liveValues);
    gauge('cached_signatures', 'Values whose signature is remembered to be good.', (r) => r.cachedSignatures);
  }

  /** Counts a verdict: `pass` or a code of the problem table. */
  count(code: string): void {
    this.#verdicts.set(code, (this.#verdicts.get(code) ?? 0) + 1);
  }

  /** Counts the time from the headers of a request to the end of its answer. */
  observeDurationMs(ms: number): void {
    this.#durations.add(ms);
  }

  /** Where the gauges look from now on. */
  readFrom(read: () => Reading | undefined): void {
    this.#read = read;
  }
}

/** Upper bounds in milliseconds. */
const bucketsMs = [1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 5000, 30_000];

const durations = {
  name: 'astrolabe_gateway_request_duration_seconds',
  help: 'From the headers of a request to the end of its answer, Airflow included.',
};

/** A histogram whose buckets are plain numbers until somebody looks: prom-client's own costs a look-up by labels at each request. */
class Durations extends Histogram {
  /** One more than there are bounds: the last is for what is longer. */
  readonly #counts = new Array<number>(bucketsMs.length + 1).fill(0);
  #sumMs = 0;

  constructor(registers: Registry[]) {
    super({ ...durations, buckets: bucketsMs.map((ms) => ms / 1000), registers });
  }

  add(ms: number): void {
    const at = bucketsMs.findIndex((bound) => ms <= bound);
    const bucket = at < 0 ? bucketsMs.length : at;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sumMs += ms;
  }

  /** What prom-client asks for the values; its types leave it out. */
  async getForPromString() {
    const { name } = durations;
    const sharedLabels = {};
    let total = 0;
    const buckets = this.#counts.map((count, index) => {
      total += count;
      const bound = bucketsMs[index];
      const le = bound === undefined ? '+Inf' : bound / 1000;
      return { labels: { le }, sharedLabels, value: total, metricName: `${name}_bucket` };
    });
    const sum = { labels: {}, sharedLabels, value: this.#sumMs / 1000, metricName: `${name}_sum` };
    const count = { labels: {}, sharedLabels, value: total, metricName: `${name}_count` };
    return { ...durations, type: 'histogram', aggregator: 'sum', values: [...buckets, sum, count] };
  }
}
