import type { IncomingMessage, ServerResponse } from 'node:http';
import { Transform } from 'node:stream';
import { type Dispatcher, Pool } from 'undici';
import { Deadlines, type Waiting } from './deadlines.ts';
import { FairShare } from './fair-share.ts';
import { type AirflowAddress, buildAnswerHeaders, buildUpstreamHead, type UpstreamHead } from './headers.ts';
import { sendProblem } from './problem-response.ts';

export interface ProxyOptions {
  /** Base address of Airflow, without `/api/v2`; a path in it goes before every target. */
  readonly airflowUrl: string;
  /** Largest request body that is forwarded. */
  readonly maxBodyBytes?: number;
  readonly connectTimeoutMs?: number;
  /** How long Airflow may take from the last byte it was sent until it begins to answer, waiting for a connection included. */
  readonly answerTimeoutMs?: number;
  /** How long an answer may pause, on either side, until it is cut. Answers that stream by nature may pause at Airflow's side. */
  readonly idleTimeoutMs?: number;
  /** Connections to Airflow at the same time, of which one caller has half at most; what comes above that waits. */
  readonly connections?: number;
  /** Streaming answers at the same time, each of which holds a connection and a thread in Airflow; half of them for one caller. */
  readonly maxStreams?: number;
  /** Told of every fault of Airflow or of the way there, for the log. */
  readonly onFault?: (fault: ProxyFault) => void;
}

export interface ProxyFault {
  readonly requestId: string;
  /** `airflow_refused_us`: Airflow answered 401, which can only mean the credential of the gateway. */
  readonly kind: 'airflow_unreachable' | 'airflow_timeout' | 'airflow_refused_us';
  readonly cause?: Error;
}

/** What was decided about a request. */
export interface Upstream {
  /** `RouteMatch.upstreamTarget` */
  readonly target: string;
  /** `Minter.mint(…)`; absent for routes on which Airflow wants no credential. */
  readonly authorization?: string | undefined;
  readonly requestId: string;
  /** Id of the token. */
  readonly caller: string;
  /** `AirflowRoute.streams` */
  readonly streams?: boolean;
}

export interface AirflowProxy {
  /**
   * Sends the request on and its answer back, as a stream both ways. Answers with a problem itself when that does not work
   * out; when the answer has begun already, the connection is cut, so that nobody takes a part for the whole. Never retries.
   */
  forward(request: IncomingMessage, response: ServerResponse, upstream: Upstream): void;
  /** Cuts what is still under way. */
  close(): Promise<void>;
}

/** What the exchanges of one proxy have in common. */
interface Line {
  readonly pool: Pool;
  readonly airflow: AirflowAddress;
  readonly limits: {
    readonly maxBodyBytes: number;
    readonly answerTimeoutMs: number;
    readonly idleTimeoutMs: number;
    readonly maxStreams: number;
  };
  readonly onFault: (fault: ProxyFault) => void;
  readonly deadlines: Deadlines;
  readonly connections: FairShare<Exchange>;
  readonly streams: FairShare<Exchange>;
  openStreams: number;
}

/** An answer up to this size that comes in one piece also leaves in one, head and body together. */
const maxWholeBytes = 16_384;

/** Builds the way to one Airflow. Throws when `airflowUrl` is not an http or https address without credentials and query. */
export function createProxy(options: ProxyOptions): AirflowProxy {
  const url = new URL(options.airflowUrl);
  if (!/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new Error('the address of Airflow must be http:// or https://, without credentials, query or fragment');
  }
  const connections = options.connections ?? 128;
  const limits = {
    maxBodyBytes: options.maxBodyBytes ?? 10_485_760,
    answerTimeoutMs: options.answerTimeoutMs ?? 60_000,
    idleTimeoutMs: options.idleTimeoutMs ?? 600_000,
    maxStreams: options.maxStreams ?? 64,
  };
  const line: Line = {
    pool: new Pool(url.origin, {
      connections,
      pipelining: 1,
      keepAliveTimeout: 3_000, // Airflow's server hangs up after 5 s, and a request must not meet that
      allowH2: false,
      connect: { timeout: options.connectTimeoutMs ?? 5_000 },
      maxHeaderSize: 65_536,
      headersTimeout: 0, // `Exchange` has its own, which also count the wait for a connection and for the caller
      bodyTimeout: 0,
    }),
    airflow: { origin: url.origin, prefix: url.pathname.replace(/\/+$/, '') },
    limits,
    onFault: options.onFault ?? (() => undefined),
    deadlines: new Deadlines(Math.min(limits.answerTimeoutMs, limits.idleTimeoutMs)),
    connections: new FairShare(connections / 2),
    streams: new FairShare(limits.maxStreams / 2),
    openStreams: 0,
  };
  return {
    forward: (request, response, upstream) => forward(line, request, response, upstream),
    close: () => line.pool.destroy(),
  };
}

function forward(line: Line, request: IncomingMessage, response: ServerResponse, upstream: Upstream): void {
  if (response.destroyed) return; // the caller left while it was decided, and nobody would hear of it again
  const head = buildUpstreamHead(request, upstream);
  if ('refused' in head) sendProblem(response, 'header_refused', { requestId: upstream.requestId, detail: head.refused });
  else if ((head.contentLength ?? 0) > line.limits.maxBodyBytes) refuseBody(line, response, upstream.requestId);
  else if (upstream.streams === true && isFull(line, upstream.caller)) refuseStream(line, response, upstream.requestId);
  else send(line, request, response, upstream, head);
}

function send(line: Line, request: IncomingMessage, response: ServerResponse, upstream: Upstream, head: UpstreamHead): void {
  const exchange = new Exchange(line, request, response, upstream);
  line.connections.enter(upstream.caller, exchange, () => {
    if (head.hasBody && request.headers.expect !== undefined) response.writeContinue(); // now that it is known who asks, and for what
    line.pool.dispatch(
      {
        path: line.airflow.prefix + upstream.target,
        method: request.method as Dispatcher.HttpMethod, // one of the table's, as `target` was matched with it
        headers: head.headers,
        body: head.hasBody ? bodyOf(request, head, line.limits.maxBodyBytes) : null,
      },
      exchange,
    );
  });
}

function isFull({ openStreams, streams, limits }: Line, caller: string): boolean {
  return openStreams >= limits.maxStreams || streams.isUsedUp(caller);
}

function refuseBody(line: Line, response: ServerResponse, requestId: string): void {
  sendProblem(response, 'body_too_large', { requestId, detail: `The body may have at most ${line.limits.maxBodyBytes} bytes.` });
}

function refuseStream(line: Line, response: ServerResponse, requestId: string): void {
  const { maxStreams } = line.limits;
  const detail = `No more than ${maxStreams} streaming answers may be open at the same time, half of them for one token.`;
  sendProblem(response, 'rate_limited', { requestId, detail, headers: { 'retry-after': '1' } });
}

class BodyTooLarge extends Error {}

/** Node holds a body to its content-length. One without is counted as it passes. */
function bodyOf(request: IncomingMessage, head: UpstreamHead, maxBytes: number): IncomingMessage | Transform {
  if (head.contentLength !== undefined) return request;
  let bytes = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > maxBytes) done(new BodyTooLarge());
      else done(null, chunk);
    },
  });
  // one that breaks off never ends, so Airflow never sees it as complete; `Exchange` hears of it from the response
  return request.pipe(counted);
}

/** One request and its answer. A class because undici wants an object with these methods, and this way each has them once. */
class Exchange implements Dispatcher.DispatchHandler, Waiting {
  /** First for the answer to begin, then for it to go on. */
  dueAt: number;
  slot = -1;
  readonly #line: Line;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #requestId: string;
  readonly #caller: string;
  readonly #streams: boolean;
  #controller: Dispatcher.DispatchController | undefined;
  /** `content-length` of the answer; undefined when it does not say. */
  #length: number | undefined;
  #isOver = false;

  constructor(line: Line, request: IncomingMessage, response: ServerResponse, { requestId, caller, streams = false }: Upstream) {
    this.#line = line;
    this.#request = request;
    this.#response = response;
    this.#requestId = requestId;
    this.#caller = caller;
    this.#streams = streams;
    this.dueAt = performance.now() + line.limits.answerTimeoutMs;
    line.deadlines.watch(this);
    if (streams) {
      line.openStreams++;
      line.streams.enter(caller, this, () => undefined);
    }
    response.on('close', () => this.#leave());
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isOver) controller.abort(new Error('the exchange ended before it began'));
  }

  onBodySent(): void {
    if (!this.#isOver && !this.#response.headersSent) this.dueAt = performance.now() + this.#line.limits.answerTimeoutMs;
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (this.#isOver || status < 200) return;
    // about the gateway's credential: passed on, it would tell callers that theirs is wrong
    if (status === 401) {
      this.#fail('airflow_refused_us');
      return;
    }
    const answer = buildAnswerHeaders(headers, this.#line.airflow, this.#requestId);
    // what is left of the body may never be read: nothing can follow it on this connection
    if (!this.#request.complete) answer.push('connection', 'close');
    this.#response.writeHead(status, answer);
    if (this.#streams) {
      this.#response.flushHeaders();
      this.dueAt = Number.POSITIVE_INFINITY;
    } else {
      const length = headers['content-length'];
      if (typeof length === 'string') this.#length = Number(length);
      this.#allowPause();
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isOver) return;
    if (chunk.length === this.#length && chunk.length <= maxWholeBytes) {
      // All of it at once: as text of single bytes it leaves together with the head in one write, which is a fifth cheaper.
      this.#end();
      this.#response.end(chunk.toString('latin1'), 'latin1');
      return;
    }
    this.#length = undefined; // it comes in pieces
    if (!this.#streams) this.#allowPause();
    if (this.#response.write(chunk) || controller.paused) return;
    controller.pause();
    this.#allowPause();
    this.#response.once('drain', () => {
      if (this.#streams) this.dueAt = Number.POSITIVE_INFINITY;
      else this.#allowPause();
      controller.resume();
    });
  }

  onResponseEnd(): void {
    if (this.#isOver) return;
    this.#end();
    this.#response.end();
    if (this.#streams) this.#allowPause(); // the rest is still on its way to the caller
  }

  onResponseError(_controller: Dispatcher.DispatchController, cause: Error): void {
    if (this.#isOver || !(cause instanceof BodyTooLarge)) {
      this.#fail('airflow_unreachable', cause);
      return;
    }
    this.#end();
    this.#line.deadlines.forget(this);
    if (this.#response.headersSent) this.#response.destroy();
    else refuseBody(this.#line, this.#response, this.#requestId);
  }

  /** Nobody went on in time: Airflow with its answer, or the caller with reading it. */
  expire(): void {
    const isForCaller = this.#isOver || this.#controller?.paused === true;
    if (!isForCaller) {
      this.#fail('airflow_timeout');
      return;
    }
    this.#line.deadlines.forget(this);
    this.#response.destroy();
  }

  /** The caller is gone, or has everything. */
  #leave(): void {
    this.#line.deadlines.forget(this);
    if (this.#isOver) return;
    this.#end();
    this.#controller?.abort(new Error('the caller is gone'));
  }

  #allowPause(): void {
    this.dueAt = performance.now() + this.#line.limits.idleTimeoutMs;
  }

  #fail(kind: ProxyFault['kind'], cause?: Error): void {
    if (this.#isOver) return;
    this.#end();
    this.#line.deadlines.forget(this);
    this.#controller?.abort(new Error(kind));
    this.#line.onFault({ requestId: this.#requestId, kind, ...(cause && { cause }) });
    const requestId = this.#requestId;
    if (this.#response.headersSent) this.#response.destroy();
    else if (kind !== 'airflow_refused_us') sendProblem(this.#response, kind, { requestId });
    else sendProblem(this.#response, 'airflow_unreachable', { requestId, detail: 'Airflow did not accept the credential of the gateway.' });
  }

  #end(): void {
    this.#isOver = true;
    this.#line.connections.leave(this.#caller, this);
    if (!this.#streams) return;
    this.#line.openStreams--;
    this.#line.streams.leave(this.#caller, this);
  }
}
