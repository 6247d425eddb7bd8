/** The outside world for tests: a clock that is set by hand, and a control plane that issues tokens and speaks the feed. */
import { generateKeyPairSync, hash, type KeyObject, randomBytes, sign } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  chainStart,
  type FeedBatch,
  type FeedBinding,
  type FeedEntry,
  type FeedHeartbeat,
  feedAudience,
  type GatewayEnrolment,
  PublicKey,
  type RetiredReason,
} from '@astrolabe/contract';
import { encodePermissions, expand, findBuiltInRole, tokenPermissionsOf } from '@astrolabe/policy';
import { hashJti, thumbprint } from '@astrolabe/verify';
import type { Clock } from './clock.ts';
import type { Enrolment } from './enrolment.ts';

const idOf = (name: string): string => `c${name.padEnd(24, '0').slice(0, 24)}`;

export const ids = {
  agentToken: idOf('agent'),
  organization: idOf('org'),
  workspace: idOf('workspace'),
  deployment: idOf('deploy'),
  otherDeployment: idOf('other'),
};

/** Starts on 1 November 2026. Timers run when the time is moved past them. */
export class TestClock implements Clock {
  wall = Date.UTC(2026, 10, 1);
  monotonic = 5_000;
  #timers: { readonly at: number; readonly task: () => void }[] = [];

  now = (): number => this.wall;
  monotonicMs = (): number => this.monotonic;

  after(delayMs: number, task: () => void): () => void {
    const timer = { at: this.monotonic + delayMs, task };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Moves both clocks, running what is due on the way. */
  advance(ms: number): void {
    const end = this.monotonic + ms;
    for (;;) {
      const next = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.wall += Math.max(0, next.at - this.monotonic);
      this.monotonic = Math.max(this.monotonic, next.at);
      next.task();
    }
    this.wall += end - this.monotonic;
    this.monotonic = end;
  }

  /** Moves both clocks at once, as a machine that slept; what is due runs once, afterwards. */
  leap(ms: number): void {
    this.wall += ms;
    this.monotonic += ms;
    const due = this.#timers.filter((timer) => timer.at <= this.monotonic);
    this.#timers = this.#timers.filter((timer) => timer.at > this.monotonic);
    for (const { task } of due) task();
  }

  get waiting(): number {
    return this.#timers.length;
  }
}

export interface SigningKey {
  readonly privateKey: KeyObject;
  readonly jwk: PublicKey;
}

export function newSigningKey(kid: string): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { privateKey, jwk: PublicKey.parse({ ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' }) };
}

function signJws(typ: string, key: SigningKey, payload: object): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = `${encode({ typ, prd: 'astrolabe', alg: 'ES256', kid: key.jwk.kid })}.${encode(payload)}`;
  const signature = sign('sha256', Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

export interface IssueOptions {
  readonly id?: string;
  readonly name?: string;
  readonly kind?: 'STANDARD' | 'DIRECT_ACCESS';
  readonly role?: string;
  readonly bindings?: readonly FeedBinding[];
  /** `null`: never. */
  readonly expiresAt?: number | null;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly key?: SigningKey;
}

export interface Issued {
  readonly value: string;
  readonly jtiHash: string;
  readonly id: string;
  /** The token as the feed tells it. */
  readonly entry: Extract<FeedEntry, { kind: 'token' }>;
}

/** A control plane with one Deployment. What it issues is known to nobody until `publish`. */
export class FakeControlPlane {
  readonly issuer = 'http://127.0.0.1:8888';
  readonly tokenKey = newSigningKey('token-1');
  readonly feedKey: SigningKey;
  readonly clock: TestClock;
  epoch = 'epoch-1';
  sequence = 0;
  chain: string = chainStart;
  readonly #objects = new Map<string, FeedEntry>();
  #issuedCount = 0;

  constructor(clock: TestClock, feedKey = newSigningKey('feed-1')) {
    this.clock = clock;
    this.feedKey = feedKey;
    this.publish(
      {
        kind: 'deployment',
        id: ids.deployment,
        name: 'production',
        workspaceId: ids.workspace,
        organizationId: ids.organization,
        issuers: [this.issuer],
      },
      { kind: 'keys', keys: [this.tokenKey.jwk] },
    );
  }

  issue(options: IssueOptions = {}): Issued {
    this.#issuedCount += 1;
    const { kind = 'STANDARD', role = 'DEPLOYMENT_ADMIN', key = this.tokenKey } = options;
    const id = options.id ?? idOf(`token${this.#issuedCount}x`);
    const now = this.clock.now();
    const endsAt = options.expiresAt === null ? undefined : (options.expiresAt ?? now + 86_400_000);
    const bindings = options.bindings ?? [{ entityType: 'DEPLOYMENT', entityId: ids.deployment, role }];
    const jti = randomBytes(16).toString('base64url');
    const claims = {
      ...this.#claims(id, now, jti),
      ...(endsAt === undefined ? {} : { exp: Math.floor(endsAt / 1000) }),
      kind,
      ...(kind === 'DIRECT_ACCESS' ? { grants: frozenGrants(bindings) } : {}),
      ...options.claims,
    };
    const value = { jtiHash: hashJti(jti), issuedAt: now, ...(endsAt === undefined ? {} : { endsAt }) };
    return {
      value: signJws('at+jwt', key, claims),
      jtiHash: value.jtiHash,
      id,
      entry: { kind: 'token', id, name: options.name ?? 'ci', tokenKind: kind, values: [value], retired: [], bindings: [...bindings] },
    };
  }

  #claims(id: string, now: number, jti: string) {
    const seconds = Math.floor(now / 1000);
    return {
      iss: this.issuer,
      sub: id,
      client_id: id,
      apiTokenId: id,
      aud: [`deployment:${ids.deployment}`],
      iat: seconds,
      nbf: seconds,
      jti,
      org_id: ids.organization,
      permissions: [`apiTokenId:${id}`, `organizationId:${ids.organization}`, `deploymentId:${ids.deployment}`],
    };
  }

  /** Commits entries; returns the line that tells them to a gateway which is where this one was. */
  publish(...entries: readonly FeedEntry[]): string {
    const from = this.sequence;
    const chainFrom = this.chain;
    const bodies = entries.map((entry) => JSON.stringify(entry));
    for (const entry of entries) this.#objects.set('id' in entry ? entry.id : entry.kind, entry);
    for (const body of bodies) this.chain = hash('sha256', this.chain + body, 'hex');
    this.sequence += entries.length;
    return this.batchLine({ from, chainFrom, entries: bodies });
  }

  /** The value retired and, with `successor`, another one in its place. */
  retire(issued: Issued, reason: RetiredReason, successor?: Issued): string {
    const at = this.clock.now();
    return this.publish({ ...issued.entry, values: successor?.entry.values ?? [], retired: [{ jtiHash: issued.jtiHash, reason, at }] });
  }

  batchLine(changes: Partial<FeedBatch>, key: SigningKey = this.feedKey): string {
    const batch: FeedBatch = {
      iss: this.issuer,
      aud: feedAudience(ids.deployment),
      iat: Math.floor(this.clock.now() / 1000),
      epoch: this.epoch,
      snapshot: false,
      part: 1,
      parts: 1,
      from: 0,
      to: this.sequence,
      chainFrom: '',
      chainTo: this.chain,
      entries: [],
      ...changes,
    };
    return JSON.stringify({ batch: signJws('feed+jwt', key, batch) });
  }

  /** Everything known now, in one batch for each `entriesPerPart`. */
  snapshotLines(entriesPerPart = 1_000): string[] {
    const bodies = [...this.#objects.values()].map((entry) => JSON.stringify(entry));
    const parts = Math.ceil(bodies.length / entriesPerPart);
    return Array.from({ length: parts }, (_, index) =>
      this.batchLine({
        snapshot: true,
        part: index + 1,
        parts,
        entries: bodies.slice(index * entriesPerPart, (index + 1) * entriesPerPart),
      }),
    );
  }

  heartbeatLine(changes: Partial<FeedHeartbeat> = {}, key: SigningKey = this.feedKey): string {
    const { issuer: iss, epoch, sequence, chain } = this;
    const heartbeat: FeedHeartbeat = { iss, aud: feedAudience(ids.deployment), at: this.clock.now(), epoch, sequence, chain, ...changes };
    return JSON.stringify({ heartbeat: signJws('heartbeat+jwt', key, heartbeat) });
  }

  keysLine(keys: readonly SigningKey[] = [this.feedKey]): string {
    return JSON.stringify({ keys: keys.map((key) => key.jwk) });
  }

  agentToken(changes: Readonly<Record<string, unknown>> = {}): string {
    const claims = this.#claims(ids.agentToken, this.clock.now(), randomBytes(16).toString('base64url'));
    return signJws('agent+jwt', this.tokenKey, { ...claims, kind: 'AGENT', feed_key: thumbprint(this.feedKey.jwk), ...changes });
  }

  enrolmentFile(changes: Partial<GatewayEnrolment> = {}): GatewayEnrolment {
    return {
      version: 1,
      deploymentId: ids.deployment,
      organizationId: ids.organization,
      serverUrl: 'http://127.0.0.1:9',
      agentToken: this.agentToken(),
      airflowUrl: 'http://127.0.0.1:9',
      airflowCredential: { way: 'shared-secret', secret: 's'.repeat(86), audience: 'apache-airflow' },
      ...changes,
    };
  }

  enrolment(changes: Partial<GatewayEnrolment> = {}): Enrolment {
    return { ...this.enrolmentFile(changes), agentTokenId: ids.agentToken, feedKeyThumbprint: thumbprint(this.feedKey.jwk) };
  }
}

function frozenGrants(bindings: readonly FeedBinding[]) {
  const bits = (role: string): string => encodePermissions(expand(tokenPermissionsOf(findBuiltInRole(role) ?? { permissions: [] })));
  const dags = bindings.filter((binding) => binding.entityType === 'DAG').map((binding) => [binding.entityId, bits(binding.role)]);
  const wide = bindings.find((binding) => binding.entityType === 'DEPLOYMENT');
  const grants = { ...(wide && { permissions: bits(wide.role) }), ...(dags.length > 0 && { dags: Object.fromEntries(dags) }) };
  return { version: 1, deployments: { [ids.deployment]: grants } };
}

/** The feed over HTTP: what it says is decided by the test, connection by connection. */
export class FakeFeedServer {
  readonly requests: { readonly url: string; readonly authorization: string | undefined }[] = [];
  readonly connections: ServerResponse[] = [];
  /** Set to answer with this instead. */
  status = 200;
  readonly #server: Server;
  readonly #greet: (response: ServerResponse) => void;
  #onConnection: (() => void)[] = [];

  constructor(greet: (response: ServerResponse) => void) {
    this.#greet = greet;
    this.#server = createServer((request, response) => {
      this.requests.push({ url: request.url ?? '', authorization: request.headers.authorization });
      response.writeHead(this.status, { 'content-type': 'application/x-ndjson' });
      if (this.status === 200) {
        this.connections.push(response);
        response.flushHeaders();
        this.#greet(response);
      } else response.end('{}');
      for (const told of this.#onConnection.splice(0)) told();
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`; // a TCP server has such an address
  }

  /** Resolves after the next request. */
  nextRequest(): Promise<void> {
    return new Promise((resolve) => this.#onConnection.push(resolve));
  }

  send(...lines: readonly string[]): void {
    for (const line of lines) this.connections.at(-1)?.write(`${line}\n`);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
