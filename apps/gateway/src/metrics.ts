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
  readonly #durations: Histogram;
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
    this.#durations = new Histogram({
      name: 'astrolabe_gateway_request_duration_seconds',
      help: 'From the headers of a request to the end of its answer, Airflow included.',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
      registers,
    });
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

  observeDuration(seconds: number): void {
    this.#durations.observe(seconds);
  }

  /** Where the gauges look from now on. */
  readFrom(read: () => Reading | undefined): void {
    this.#read = read;
  }
}
