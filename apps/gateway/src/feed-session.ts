import { hash } from 'node:crypto';
import { FeedBatch, FeedEntry, FeedHeartbeat, FeedKeys, feedAudience, type PublicKey } from '@astrolabe/contract';
import { importKeys, type KeySet, thumbprint, VerificationError, verifySignedObject } from '@astrolabe/verify';
import type { Position, Update } from './state.ts';

/** The longest line that is read: a batch, which the control plane cuts into parts long before. */
export const maxLineBytes = 16 * 1024 * 1024;

/** An older batch of the same control plane may be this much older than what we heard last; more is a replay. */
const maxClockDifferenceSeconds = 60;

/** A feed that cannot be believed or followed. The connection is dropped and a snapshot asked for. */
export class FeedError extends Error {
  override readonly name = 'FeedError';
}

/** What a session reads from and writes to: the state in memory and on disk. */
export interface FeedSink {
  readonly deploymentId: string;
  readonly agentTokenId: string;
  readonly feedKeyThumbprint: string;
  position(): Position | undefined;
  /** Epoch milliseconds of the last heartbeat that counted. */
  latestAt(): number | undefined;
  apply(update: VerifiedUpdate): void;
  /** False when the heartbeat is a replay or a clock is wrong. */
  count(heartbeat: { readonly at: number; readonly jws: string }): boolean;
}

/** An update whose signature, place and chain are good. */
export interface VerifiedUpdate extends Update {
  /** The text of each entry, as the feed brought it. */
  readonly bodies: readonly string[];
  /** The feed key it was signed with, as JWK text. */
  readonly feedKey: string;
}

/** What a line was: only `applied`, `collected` and `counted` are signs of life. */
export type LineKind = 'keys' | 'applied' | 'collected' | 'counted' | 'ignored';

/**
 * One connection to the feed, line by line.
 *
 * Believes nothing that the pinned feed key did not sign for this Deployment. Batches go on exactly where the state stands:
 * same epoch, same sequence, same chain, and the chain is computed anew over what they bring.
 */
export class FeedSession {
  readonly #sink: FeedSink;
  #key: { readonly set: KeySet; readonly text: string } | undefined;
  /** Parts of a snapshot so far; applied together with the last. */
  #parts: FeedBatch[] = [];

  constructor(sink: FeedSink) {
    this.#sink = sink;
  }

  /**
   * Takes the next line.
   *
   * @throws FeedError the connection has to be dropped, and a snapshot asked for
   */
  take(line: string): LineKind {
    const message = parseObject(line);
    if (this.#key === undefined) {
      this.#key = pinnedKey(message, this.#sink.feedKeyThumbprint);
      return 'keys';
    }
    if (typeof message.batch === 'string') return this.#takeBatch(message.batch, this.#key);
    if (typeof message.heartbeat === 'string') return this.#takeHeartbeat(message.heartbeat, this.#key);
    return 'ignored'; // a kind of line that a later version brings; unsigned, so it may say nothing
  }

  #takeBatch(jws: string, key: { readonly set: KeySet; readonly text: string }): LineKind {
    const batch = verified(jws, key.set, 'feed+jwt', FeedBatch);
    if (batch.aud !== feedAudience(this.#sink.deploymentId)) throw new FeedError('a batch is for another Deployment');
    if (batch.snapshot) {
      checkSnapshotPart(batch, this.#parts, this.#sink);
      this.#parts.push(batch);
      if (batch.part < batch.parts) return 'collected';
    } else {
      checkChange(batch, this.#parts, this.#sink.position());
      this.#parts = [batch];
    }
    const bodies = this.#parts.flatMap((part) => part.entries);
    this.#parts = [];
    const { epoch, to: sequence, chainTo: chain } = batch;
    const entries = bodies.map((body) => readEntry(body, this.#sink));
    // A last word comes as a snapshot too. What it ends stays known, to say why it is refused; and stays where it stood, as
    // the changes up to `sequence` never came: whoever goes on from there would miss what was revoked in them.
    const isLastWord = batch.snapshot && entries.length > 0 && entries.every((entry) => entry.kind === 'end');
    const position = isLastWord ? undefined : { epoch, sequence, chain };
    this.#sink.apply({ position, replaces: batch.snapshot && !isLastWord, entries, bodies, feedKey: key.text });
    return 'applied';
  }

  #takeHeartbeat(jws: string, key: { readonly set: KeySet }): LineKind {
    const heartbeat = verified(jws, key.set, 'heartbeat+jwt', FeedHeartbeat);
    if (heartbeat.aud !== feedAudience(this.#sink.deploymentId)) throw new FeedError('a heartbeat is for another Deployment');
    const position = this.#sink.position();
    if (position === undefined || this.#parts.length > 0) return 'ignored'; // the snapshot is still coming
    if (heartbeat.epoch !== position.epoch) throw new FeedError('a heartbeat is of another epoch');
    if (heartbeat.sequence !== position.sequence) return 'ignored'; // does not speak of what is applied
    if (heartbeat.chain !== position.chain) throw new FeedError('a heartbeat has another chain');
    return this.#sink.count({ at: heartbeat.at, jws }) ? 'counted' : 'ignored';
  }
}

/**
 * Verifies a heartbeat that was stored with the state it speaks of.
 *
 * @param feedKey JWK text of the key, which has to be the pinned one
 * @returns its signed time, epoch milliseconds; undefined when it does not speak of this state
 */
export function readStoredHeartbeat(
  stored: { readonly jws: string; readonly feedKey: string; readonly position: Position },
  expected: { readonly deploymentId: string; readonly feedKeyThumbprint: string },
): number | undefined {
  try {
    const key = pinnedKey({ keys: [parseObject(stored.feedKey)] }, expected.feedKeyThumbprint);
    const heartbeat = verified(stored.jws, key.set, 'heartbeat+jwt', FeedHeartbeat);
    const { epoch, sequence, chain } = stored.position;
    const isOurs = heartbeat.aud === feedAudience(expected.deploymentId) && heartbeat.epoch === epoch;
    const isReached = heartbeat.sequence < sequence || (heartbeat.sequence === sequence && heartbeat.chain === chain);
    return isOurs && isReached ? heartbeat.at : undefined;
  } catch (error) {
    if (error instanceof FeedError) return undefined;
    throw error;
  }
}

/** The one key that the agent token pins. What else the line offers is not looked at: key succession comes later. */
function pinnedKey(message: unknown, pinned: string): { set: KeySet; text: string } {
  const line = FeedKeys.safeParse(message);
  const key = line.data?.keys.find((candidate) => isPinned(candidate, pinned));
  if (key === undefined) throw new FeedError('the feed does not offer the key that the agent token pins');
  try {
    return { set: importKeys({ keys: [key] }), text: JSON.stringify(key) };
  } catch (cause) {
    throw new FeedError('the pinned feed key cannot be used', { cause });
  }
}

function isPinned(key: PublicKey, pinned: string): boolean {
  try {
    return thumbprint(key) === pinned;
  } catch {
    return false; // incomplete: no thumbprint
  }
}

function verified<Payload>(
  jws: string,
  keys: KeySet,
  type: 'feed+jwt' | 'heartbeat+jwt',
  schema: { safeParse(value: unknown): { data?: Payload | undefined } },
): Payload {
  let payload: unknown;
  try {
    ({ payload } = verifySignedObject(jws, keys, type, maxLineBytes));
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error;
    throw new FeedError(`a signed object of the feed is refused: ${error.code}`);
  }
  const { data } = schema.safeParse(payload);
  if (data === undefined) throw new FeedError(`a ${type} does not have the expected members`);
  return data;
}

function checkSnapshotPart(batch: FeedBatch, before: readonly FeedBatch[], sink: FeedSink): void {
  const first = before[0] ?? batch;
  if (batch.part !== before.length + 1 || batch.part > batch.parts) throw new FeedError('a part of the snapshot is missing');
  const isSame = first.epoch === batch.epoch && first.to === batch.to && first.chainTo === batch.chainTo && first.parts === batch.parts;
  if (!isSame) throw new FeedError('the parts of the snapshot do not belong together');
  if (batch.from !== 0 || batch.chainFrom !== '') throw new FeedError('a snapshot begins somewhere');
  const position = sink.position();
  if (position === undefined) return;
  // An old snapshot, replayed, would bring back what was revoked since.
  if (batch.epoch === position.epoch) {
    if (batch.to < position.sequence) throw new FeedError('the snapshot is older than the state');
    if (batch.to === position.sequence && batch.chainTo !== position.chain) throw new FeedError('the snapshot has another chain');
  }
  const latestAt = sink.latestAt();
  if (latestAt !== undefined && batch.iat < latestAt / 1000 - maxClockDifferenceSeconds) throw new FeedError('the snapshot is a replay');
}

function checkChange(batch: FeedBatch, before: readonly FeedBatch[], position: Position | undefined): void {
  if (before.length > 0) throw new FeedError('a part of the snapshot is missing');
  if (batch.parts !== 1 || batch.part !== 1) throw new FeedError('a change came in parts');
  if (position === undefined || batch.epoch !== position.epoch) throw new FeedError('a change is of another epoch');
  if (batch.from !== position.sequence) throw new FeedError('changes are missing or came again');
  if (batch.chainFrom !== position.chain) throw new FeedError('a change goes on from another chain');
  if (batch.to - batch.from !== batch.entries.length) throw new FeedError('a change does not hold what it says');
  const chain = batch.entries.reduce((link, body) => hash('sha256', link + body, 'hex'), batch.chainFrom);
  if (chain !== batch.chainTo) throw new FeedError('the chain does not follow from the changes');
}

function readEntry(body: string, { deploymentId, agentTokenId }: FeedSink): FeedEntry {
  const entry = FeedEntry.safeParse(parseObject(body));
  if (!entry.success) throw new FeedError('an entry does not have the expected members');
  if (entry.data.kind === 'deployment' && entry.data.id !== deploymentId) throw new FeedError('an entry is about another Deployment');
  if (entry.data.kind === 'end' && entry.data.reason === 'agent_token_ended' && entry.data.agentTokenId !== agentTokenId) {
    throw new FeedError('the end is that of another agent token');
  }
  return entry.data;
}

function parseObject(text: string): { readonly [member: string]: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return { ...value };
  } catch {
    // below, without the message: it quotes the text
  }
  throw new FeedError('a line is not a JSON object');
}
