import type { FeedBinding, FeedEntry, PublicKey, RetiredReason, TokenEntry } from '@astrolabe/contract';
import { type Entity, findBuiltInRole, type Grant, grantOf, type Holder, tokenPermissionsOf } from '@astrolabe/policy';
import { importKey, type KeySet, type VerificationKey } from '@astrolabe/verify';
import type { Clock } from './clock.ts';
import { Freshness } from './freshness.ts';

/** Where in the feed the state stands. */
export interface Position {
  readonly epoch: string;
  readonly sequence: number;
  readonly chain: string;
}

/** What one or more batches change; with `replaces` it takes the place of everything known before. */
export interface Update {
  /** Where the state stands afterwards; undefined: where it stood before. */
  readonly position: Position | undefined;
  readonly replaces: boolean;
  readonly entries: readonly FeedEntry[];
}

/** A token that concerns this Deployment, with the rights it has here. */
export interface KnownToken extends Holder {
  readonly id: string;
  readonly name: string;
  readonly kind: TokenEntry['tokenKind'];
}

/** A value of the positive list. `endsAt` absent: it does not expire. */
export interface LiveValue {
  readonly token: KnownToken;
  readonly issuedAt: number;
  readonly endsAt?: number;
}

/** Why a value that was once live is refused. */
export interface RetiredValue {
  readonly tokenId: string;
  readonly reason: RetiredReason;
  readonly at: number;
}

/** The Deployment, and whom it believes. */
export interface DeploymentFacts {
  readonly name: string;
  readonly entity: Entity & { readonly deploymentId: string };
  /** Accepted `iss`. */
  readonly issuers: readonly string[];
  /** Accepted `aud`: this Deployment, and the workspace and organization it belongs to now. */
  readonly audiences: readonly string[];
}

/** How long a retired value is remembered, only to explain a refusal. */
export const explanationMs = 30 * 24 * 60 * 60 * 1000;

/** More explanations than this are not kept; the oldest go first. Forgetting one can never let a value in. */
const maxExplanations = 200_000;

interface Contents {
  readonly deploymentId: string;
  deployment: DeploymentFacts | undefined;
  keys: KeySet;
  end: Extract<FeedEntry, { kind: 'end' }> | undefined;
  /** The positive list, by hash of `jti`: what is not in it is not let in. */
  readonly live: Map<string, LiveValue>;
  readonly retired: Map<string, RetiredValue>;
  /** Hashes in `live` and `retired` by token, so that a put can replace them. */
  readonly hashes: Map<string, readonly string[]>;
}

/** What the gateway knows, in memory. Changed by the feed alone; answers are never older than `stalenessMs()` says. */
export class State {
  readonly deploymentId: string;
  readonly freshness: Freshness;
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #contents: Contents;
  #position: Position | undefined;

  constructor(deploymentId: string, clock: Clock) {
    this.deploymentId = deploymentId;
    this.#clock = clock;
    this.#contents = emptyContents(deploymentId);
    this.freshness = new Freshness(clock);
  }

  /** Undefined until the first snapshot: then the gateway knows nothing and lets nobody in. */
  get position(): Position | undefined {
    return this.#position;
  }

  get deployment(): DeploymentFacts | undefined {
    return this.#contents.deployment;
  }

  /** Public keys that may have signed a live value. Another object after every change of them. */
  get keys(): KeySet {
    return this.#contents.keys;
  }

  /** The Deployment or the agent token ended: nothing is accepted any more. */
  get end(): Extract<FeedEntry, { kind: 'end' }> | undefined {
    return this.#contents.end;
  }

  get liveCount(): number {
    return this.#contents.live.size;
  }

  /** A value of the positive list, perhaps already past its end. */
  find(jtiHash: string): LiveValue | undefined {
    return this.#contents.live.get(jtiHash);
  }

  /** Why a value is no longer in the list; undefined if it never was, or left it more than 30 days ago. */
  explain(jtiHash: string): RetiredValue | undefined {
    const retired = this.#contents.retired.get(jtiHash);
    return retired !== undefined && this.#clock.now() - retired.at <= explanationMs ? retired : undefined;
  }

  /** Applies an update as one: nobody sees half of it. */
  apply(update: Update): void {
    const contents = update.replaces ? emptyContents(this.deploymentId) : this.#contents;
    for (const entry of update.entries) put(contents, entry);
    const { position = this.#position } = update;
    if (this.#position !== undefined && this.#position.epoch !== position?.epoch) this.freshness.forget();
    this.#contents = contents;
    this.#position = position;
    for (const listener of [...this.#listeners]) listener();
  }

  /** Drops an end, when another agent token is there to take the ended one's place. */
  reopen(): void {
    this.#contents.end = undefined;
  }

  /** Calls `listener` after every change; what it returns ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Forgets explanations and expired values after 30 days (V-08). */
  purge(): void {
    const before = this.#clock.now() - explanationMs;
    const { retired, live, hashes } = this.#contents;
    for (const [hash, value] of retired) if (value.at < before) retired.delete(hash);
    for (const [hash, value] of live) if (value.endsAt !== undefined && value.endsAt < before) live.delete(hash);
    for (const [tokenId, values] of hashes) {
      if (!values.some((hash) => live.has(hash) || retired.has(hash))) hashes.delete(tokenId);
    }
  }
}

function emptyContents(deploymentId: string): Contents {
  return { deploymentId, deployment: undefined, keys: new Map(), end: undefined, live: new Map(), retired: new Map(), hashes: new Map() };
}

function put(contents: Contents, entry: FeedEntry): void {
  switch (entry.kind) {
    case 'deployment':
      contents.deployment = {
        name: entry.name,
        entity: { organizationId: entry.organizationId, workspaceId: entry.workspaceId, deploymentId: entry.id },
        issuers: entry.issuers,
        audiences: [`deployment:${entry.id}`, `workspace:${entry.workspaceId}`, `organization:${entry.organizationId}`],
      };
      return;
    case 'keys':
      contents.keys = usableKeys(entry.keys);
      return;
    case 'end':
      contents.end = entry;
      return;
    case 'token':
      putToken(contents, entry);
      return;
    case 'token-gone':
      forgetValues(contents, entry.id);
      retire(contents, entry.id, entry.retired);
      contents.hashes.set(entry.id, hashesOf(entry.retired));
  }
}

function putToken(contents: Contents, entry: TokenEntry): void {
  forgetValues(contents, entry.id);
  const grants = entry.bindings.flatMap((binding) => grantsOf(binding, contents.deploymentId));
  const token: KnownToken = { id: entry.id, name: entry.name, kind: entry.tokenKind, grants };
  for (const value of entry.values) {
    const live = { token, issuedAt: value.issuedAt };
    contents.live.set(value.jtiHash, value.endsAt === undefined ? live : { ...live, endsAt: value.endsAt });
  }
  // after the live ones, so that a value in both lists is refused
  retire(contents, entry.id, entry.retired);
  contents.hashes.set(entry.id, [...hashesOf(entry.values), ...hashesOf(entry.retired)]);
}

function forgetValues(contents: Contents, tokenId: string): void {
  for (const hash of contents.hashes.get(tokenId) ?? []) {
    contents.live.delete(hash);
    contents.retired.delete(hash);
  }
  contents.hashes.delete(tokenId);
}

function retire(contents: Contents, tokenId: string, values: TokenEntry['retired']): void {
  for (const { jtiHash, reason, at } of values) {
    contents.live.delete(jtiHash);
    contents.retired.set(jtiHash, { tokenId, reason, at });
  }
  for (const oldest of contents.retired.keys()) {
    if (contents.retired.size <= maxExplanations) return;
    contents.retired.delete(oldest);
  }
}

const hashesOf = (values: readonly { readonly jtiHash: string }[]): string[] => values.map((value) => value.jtiHash);

/** The rights of one binding. A role we do not know, or one that does not belong on such an entity, gives none. */
function grantsOf(binding: FeedBinding, deploymentId: string): Grant[] {
  const role = findBuiltInRole(binding.role);
  const isOnDags = binding.entityType === 'DAG' || binding.entityType === 'DAG_TAG';
  if (role === undefined || role.scope !== (isOnDags ? 'DAG' : binding.entityType)) return [];
  const permissions = tokenPermissionsOf(role);
  return [grantOf({ permissions }, binding.entityType, binding.entityId, isOnDags ? deploymentId : undefined)];
}

/** A key that cannot be used is left out: what it signed is refused, and the rest goes on. */
function usableKeys(keys: readonly PublicKey[]): KeySet {
  const usable: [string, VerificationKey][] = [];
  for (const jwk of keys) {
    try {
      usable.push([jwk.kid, importKey(jwk)]);
    } catch {
      // not one of ours to report: the control plane published it
    }
  }
  return new Map(usable);
}
