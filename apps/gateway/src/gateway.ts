import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { sendRefusal } from './answers.ts';
import type { Clock } from './clock.ts';
import type { GatewayConfig } from './config.ts';
import { Connections } from './connections.ts';
import { isDirectLoopback, isPrivateTransport, readCredential } from './credential.ts';
import { Enrolled } from './enrolled.ts';
import { type Enrolment, enrolCommand } from './enrolment.ts';
import { type Caller, type Gate, identify, judge, type Pass, type Refusal } from './judge.ts';
import type { Log } from './log.ts';
import { Metrics } from './metrics.ts';
import { ownPaths, sendCaller, sendHealth, sendMetrics, sendReadiness } from './own-paths.ts';
import { RefusalLog } from './refusal-log.ts';
import { WaitingRoom } from './waiting.ts';

export interface GatewayOptions {
  readonly config: GatewayConfig;
  readonly clock: Clock;
  readonly log: Log;
}

/** Knowledge older than this is told with every answer; younger is the ordinary case and costs nothing. */
const worthTellingMs = 10_000;

/** How long calls to the Airflow of an enrolment that was replaced may go on. */
const leaveAfterMs = 60_000;

/** One request on its way through. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly requestId: string;
  readonly method: string;
  readonly target: string;
}

/** The reverse proxy in front of one Airflow: judges every request and forwards what passes. */
export class Gateway {
  readonly server: Server;
  readonly metrics = new Metrics();
  readonly #options: GatewayOptions;
  readonly #waitingRoom = new WaitingRoom();
  readonly #connections = new Connections();
  readonly #refusals: RefusalLog;
  #enrolled: Enrolled | undefined;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#refusals = new RefusalLog(options.log, options.clock);
    this.metrics.readFrom(() => this.#enrolled?.read());
    const limits = { maxHeaderSize: 16_384, headersTimeout: 10_000, requestTimeout: 300_000, keepAliveTimeout: 65_000 };
    // Node looks for those past a limit every 30 s otherwise, which would make 40 s of ten
    this.server = createServer({ ...limits, connectionsCheckingInterval: 5_000 }, (request, response) => this.#take(request, response));
    // without this, Node invites the body of a request that nobody has judged yet
    this.server.on('checkContinue', (request, response) => this.#take(request, response));
    this.server.on('clientError', this.#connections.refuseUnreadable);
  }

  /**
   * Takes up an enrolment, another one, or that there is none any more. Requests see the old or the new one.
   *
   * @throws StateFileError or Error when it cannot be used; the gateway then is not enrolled
   */
  enrol(enrolment: Enrolment | undefined): void {
    const { config, clock, log } = this.#options;
    const before = this.#enrolled;
    this.#enrolled = undefined;
    before?.release(leaveAfterMs);
    if (enrolment === undefined) {
      log.warn(`the gateway is not enrolled: ${enrolCommand}`);
      return;
    }
    this.#enrolled = new Enrolled(enrolment, config, clock, log);
    this.#enrolled.start();
    log.info({ deployment: enrolment.deploymentId, server: enrolment.serverUrl, airflow: enrolment.airflowUrl }, 'enrolled');
  }

  /** Stops listening, to callers and to the control plane. Calls under way have until `waitMs` to finish. */
  async close(waitMs = 0): Promise<void> {
    const cut = setTimeout(() => this.server.closeAllConnections(), waitMs);
    await new Promise((resolve) => this.server.close(resolve));
    clearTimeout(cut);
    await this.#enrolled?.close();
    this.#enrolled = undefined;
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const startedAt = this.#options.clock.monotonicMs();
    if (!this.#connections.begin(response)) return;
    response.on('close', () => this.metrics.observeDurationMs(this.#options.clock.monotonicMs() - startedAt));
    const exchange = { request, response, requestId: randomUUID(), method: request.method ?? '', target: request.url ?? '' };
    const failed = (error: unknown): void => {
      this.#options.log.error({ err: error, requestId: exchange.requestId }, 'a request failed');
      if (response.headersSent) response.destroy();
      else this.#refuse(exchange, { refused: 'internal' });
    };
    try {
      // most answers are there at once; a promise comes from waiting for the feed and from /metrics
      this.#answer(exchange)?.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #answer(exchange: Exchange): Promise<void> | undefined {
    const { target } = exchange;
    const query = target.indexOf('?');
    const path = query < 0 ? target : target.slice(0, query);
    const isOwn = ownPaths.has(path);
    if (isOwn && exchange.method !== 'GET' && exchange.method !== 'HEAD') {
      return this.#refuse(exchange, { refused: 'method_not_allowed', allow: ['GET', 'HEAD'] });
    }
    if (path === '/healthz') return sendHealth(exchange.response);
    const enrolled = this.#enrolled;
    if (enrolled === undefined) {
      return this.#refuse(exchange, { refused: 'not_enrolled', detail: `The gateway is not enrolled. Run: ${enrolCommand}` });
    }
    if (path === '/readyz') return sendReadiness(exchange.response, enrolled);
    if (path === '/metrics') return this.#tellMetrics(exchange);
    return this.#serve(exchange, enrolled, isOwn);
  }

  #tellMetrics(exchange: Exchange): Promise<void> | undefined {
    if (this.#options.config.metricsForAll || isDirectLoopback(exchange.request)) return sendMetrics(exchange.response, this.metrics);
    return this.#refuse(exchange, { refused: 'route_unknown' });
  }

  /** `/whoami` and everything that is Airflow's: one credential, then a verdict. */
  #serve(exchange: Exchange, enrolled: Enrolled, isOwn: boolean): Promise<void> | undefined {
    const { gate } = enrolled;
    const credential = readCredential(exchange.request.rawHeaders, exchange.target);
    if (typeof credential === 'string') return this.#refuse(exchange, { refused: credential });
    if (credential.bearer !== undefined && !isPrivateTransport(exchange.request, this.#options.config.trustProxy)) {
      return this.#refuse(exchange, { refused: 'insecure_transport' });
    }
    if (isOwn) {
      const caller = this.#waitingRoom.ask<Caller>(gate, () => identify(gate, credential.bearer));
      return settle(caller, (answer) => this.#finish(exchange, answer, gate, (known) => sendCaller(exchange.response, enrolled, known)));
    }
    const call = { ...credential, method: exchange.method, target: exchange.target };
    const verdict = this.#waitingRoom.ask<Pass>(gate, () => judge(gate, call));
    return settle(verdict, (answer) => this.#finish(exchange, answer, gate, (pass) => this.#forward(exchange, enrolled, pass)));
  }

  #finish<Yes extends object>(exchange: Exchange, answer: Yes | Refusal, gate: Gate, go: (yes: Yes) => void): void {
    if ('refused' in answer) {
      this.#refuse(exchange, answer);
      return;
    }
    this.metrics.count('pass');
    const stalenessMs = gate.state.freshness.stalenessMs();
    if (stalenessMs > worthTellingMs) exchange.response.setHeader('astrolabe-state-age', Math.floor(stalenessMs / 1000));
    go(answer);
  }

  #forward({ request, response, requestId, method }: Exchange, { minter, proxy }: Enrolled, { caller, route }: Pass): void {
    const { log } = this.#options;
    const { airflowRole, template, streams } = route.route;
    if (log.isLevelEnabled('debug')) log.debug({ requestId, token: caller.token.id, method, template }, 'pass');
    const subject = { tokenId: caller.token.id, tokenName: caller.token.name };
    const authorization = airflowRole === undefined ? undefined : minter.mint(subject, airflowRole);
    proxy.forward(request, response, { target: route.upstreamTarget, authorization, requestId, caller: caller.token.id, streams });
  }

  #refuse({ response, requestId, method }: Exchange, refusal: Refusal): undefined {
    const { refused: code, tokenId } = refusal;
    this.metrics.count(code);
    this.#refusals.tell({ requestId, code, method, token: tokenId });
    sendRefusal(response, code, requestId, refusal);
  }
}

function settle<Answer>(answer: Answer | Promise<Answer>, then: (answer: Answer) => void): Promise<void> | undefined {
  if (answer instanceof Promise) return answer.then(then);
  then(answer);
  return undefined;
}
