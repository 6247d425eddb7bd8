import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Clock } from './clock.ts';

/** Whether Airflow answers: one word for `/readyz`. */
export type AirflowStatus = 'unknown' | 'reachable' | 'unreachable';

/** Asks Airflow for its version again and again, without a credential. Decides nothing: a request is forwarded either way. */
export class AirflowProbe {
  readonly #url: URL;
  readonly #intervalMs: number;
  readonly #clock: Clock;
  #status: AirflowStatus = 'unknown';
  #cancel: () => void = () => {};

  constructor(airflowUrl: string, intervalMs: number, clock: Clock) {
    this.#url = new URL(`${airflowUrl.replace(/\/+$/, '')}/api/v2/version`);
    this.#intervalMs = intervalMs;
    this.#clock = clock;
  }

  get status(): AirflowStatus {
    return this.#status;
  }

  start(): void {
    const send = this.#url.protocol === 'https:' ? requestHttps : requestHttp;
    const request = send(this.#url, { agent: false, signal: AbortSignal.timeout(this.#intervalMs) }, (response) => {
      response.resume();
      response.on('error', () => {}); // cut while its body came: the status was there
      this.#status = response.statusCode === 200 ? 'reachable' : 'unreachable';
    });
    request.on('error', () => {
      this.#status = 'unreachable';
    });
    request.end();
    this.#cancel = this.#clock.after(this.#intervalMs, () => this.start());
  }

  stop(): void {
    this.#cancel();
  }
}
