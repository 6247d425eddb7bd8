import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Clock } from './clock.ts';
import { FeedError, FeedSession, type FeedSink, maxLineBytes } from './feed-session.ts';
import type { Log } from './log.ts';

/** Signs of life come every second; after this long without one the connection is given up. */
const silenceMs = 5_000;
/** The first snapshot may take the control plane a while to put together. */
const firstSilenceMs = 15_000;
const firstDelayMs = 100;
const longestDelayMs = 5_000;

/** How the connection to the control plane is: one word for `/readyz`. */
export type FeedStatus = 'connected' | 'unreachable' | 'refused' | 'ended';

export interface FeedClientOptions {
  readonly serverUrl: string;
  readonly agentToken: string;
  readonly sink: FeedSink;
  /** The feed said that the Deployment or the agent token ended: there is nothing more to hear. */
  readonly hasEnded: () => boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** 0 to 1, for the jitter of the delays. */
  readonly random?: () => number;
}

/** Follows the feed, for as long as the process runs. */
export class FeedClient {
  readonly #options: FeedClientOptions;
  readonly #random: () => number;
  #status: FeedStatus = 'unreachable';
  #request: ClientRequest | undefined;
  #cancelTimer: () => void = () => {};
  #failures = 0;
  #needsSnapshot = false;
  #isStopped = false;

  constructor(options: FeedClientOptions) {
    this.#options = options;
    this.#random = options.random ?? Math.random; // jitter, no secret
  }

  get status(): FeedStatus {
    return this.#options.hasEnded() ? 'ended' : this.#status;
  }

  start(): void {
    this.#connect();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer();
    this.#request?.destroy();
  }

  /** Drops the connection, if any, and asks for a snapshot. */
  resync(reason: string): void {
    this.#needsSnapshot = true;
    if (this.#request !== undefined) this.#failed(this.#request, new FeedError(reason));
  }

  #connect(): void {
    if (this.#isStopped || this.#options.hasEnded()) return;
    const url = feedUrl(this.#options.serverUrl, this.#needsSnapshot ? undefined : this.#options.sink.position());
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    const headers = { authorization: `Bearer ${this.#options.agentToken}`, accept: 'application/x-ndjson' };
    // agent: false gives the stream a connection of its own
    const request = send(url, { agent: false, headers }, (response) => this.#read(response, request));
    this.#request = request;
    request.on('error', (error) => this.#failed(request, error));
    request.end();
    this.#expectLife(request, firstSilenceMs);
  }

  #read(response: IncomingMessage, request: ClientRequest): void {
    response.on('error', (error) => this.#failed(request, error));
    if (response.statusCode !== 200) {
      // unsigned: it changes nothing but the age of the state
      const status = isRefusal(response.statusCode) ? 'refused' : 'unreachable';
      this.#failed(request, new Error(`the control plane answered ${response.statusCode}`), status);
      return;
    }
    const session = new FeedSession(this.#options.sink);
    const lines = new LineReader((line) => this.#takeLine(session, line, request));
    response.on('data', (chunk: Buffer) => {
      try {
        lines.push(chunk);
      } catch (error) {
        this.#failed(request, error instanceof Error ? error : new Error('unknown error'));
      }
    });
    response.on('close', () => this.#failed(request, new Error('the control plane closed the connection')));
  }

  #takeLine(session: FeedSession, line: string, request: ClientRequest): void {
    if (this.#request !== request) return; // the rest of a chunk, after the connection was given up
    const kind = session.take(line);
    if (kind === 'keys' || kind === 'ignored') return;
    this.#expectLife(request, silenceMs);
    if (kind === 'collected') return;
    this.#needsSnapshot = false;
    if (kind === 'counted') this.#failures = 0;
    if (this.#status !== 'connected') this.#options.log.info('following the control plane');
    this.#status = 'connected';
    if (this.#options.hasEnded()) {
      this.#options.log.warn('the Deployment or the agent token of this gateway ended: everything is refused from now on');
      this.stop();
    }
  }

  #expectLife(request: ClientRequest, withinMs: number): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.after(withinMs, () => this.#failed(request, new Error('the control plane went silent')));
  }

  /** Ends this connection once, whatever reports it first, and tries again after a while. */
  #failed(request: ClientRequest, error: Error, status: FeedStatus = 'unreachable'): void {
    if (this.#request !== request) return;
    this.#request = undefined;
    this.#cancelTimer();
    request.destroy();
    if (this.#isStopped) return;
    if (error instanceof FeedError) this.#needsSnapshot = true;
    // each state of the connection is told once, not at every attempt
    const level = this.#status === status && this.#failures > 0 ? 'debug' : 'warn';
    this.#status = status;
    this.#options.log[level]({ reason: error.message, resync: this.#needsSnapshot }, 'lost the control plane');
    this.#cancelTimer = this.#options.clock.after(this.#nextDelayMs(), () => this.#connect());
  }

  #nextDelayMs(): number {
    const longest = Math.min(longestDelayMs, firstDelayMs * 2 ** this.#failures);
    this.#failures = Math.min(this.#failures + 1, 16);
    return longest * (0.5 + this.#random() / 2);
  }
}

function feedUrl(serverUrl: string, position: { readonly epoch: string; readonly sequence: number } | undefined): URL {
  const url = new URL(`${serverUrl.replace(/\/+$/, '')}/data-plane/v1/feed`);
  url.searchParams.set('after', String(position?.sequence ?? 0));
  if (position !== undefined) url.searchParams.set('epoch', position.epoch);
  return url;
}

const isRefusal = (status: number | undefined): boolean => status === 401 || status === 403 || status === 410;

/** Cuts a stream into lines. What comes after the last line end is not a line yet, and never becomes one if the stream ends. */
class LineReader {
  readonly #onLine: (line: string) => void;
  #chunks: Buffer[] = [];
  #sizeBytes = 0;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      this.#keep(chunk.subarray(start, end));
      const line = Buffer.concat(this.#chunks).toString('utf8');
      this.#chunks = [];
      this.#sizeBytes = 0;
      start = end + 1;
      if (line !== '') this.#onLine(line);
    }
    this.#keep(chunk.subarray(start));
  }

  #keep(part: Buffer): void {
    this.#sizeBytes += part.length;
    if (this.#sizeBytes > maxLineBytes) throw new FeedError('a line of the feed is too long');
    this.#chunks.push(part);
  }
}
