/**
 * Feeds every connected gateway: first a snapshot if it needs one, then each change as it commits, and a signed heartbeat
 * every second. Design section 8, points 2 and 3.
 */
import { type FeedBatch, type FeedEntry, type FeedHeartbeat, feedAudience } from '@astrolabe/contract';
import type { Deps } from '../deps.ts';
import { signCompact } from '../signing-keys/sign.ts';
import { findChain, listChanges, listFeedHeads } from '../store/changes.ts';
import { listEndedTokens } from '../store/feed.ts';
import { canonical } from './announce.ts';
import { type Snapshot, takeSnapshot } from './snapshot.ts';

const heartbeatMs = 1000;
const changesPerBatch = 500;
const entriesPerPart = 500;

/** A gateway has one stream; more are those it has not noticed losing. Past this the oldest goes, or one agent token could hold any number. */
const maxStreamsPerToken = 4;

/** One connected gateway, as the hub sees it. */
export interface Listener {
  readonly deploymentId: string;
  readonly agentTokenId: string;
  /** When the agent token ends by itself, and its stream with it; absent: never. */
  readonly expiresAt?: number;
  /** Where the gateway stands: the epoch and sequence it applied last. */
  readonly position: { readonly epoch: string; readonly sequence: number } | undefined;
  /** Takes one line, with its newline. Resolves when more may be written; rejects when the gateway is gone. */
  send(line: string): Promise<void>;
  /** Nothing more will come. */
  end(): void;
}

export interface FeedHub {
  /** Feeds a gateway until it goes or its feed ends. Returns the way to stop. */
  connect(listener: Listener): () => void;
  /** Sends the signed last word to a gateway whose agent token has ended. */
  sendEnd(listener: Listener, at: number): Promise<void>;
  readonly connected: number;
  close(): void;
}

interface Stream {
  readonly listener: Listener;
  sequence: number;
  /** Empty until the gateway was brought to a known point. */
  chain: string;
  pumping: Promise<void>;
  stopped: boolean;
}

type HubDeps = Pick<Deps, 'read' | 'now' | 'issuers' | 'signingKeys' | 'feedEpoch' | 'onChange' | 'log'>;

type Hub = HubDeps & { snapshotOf(deploymentId: string): Promise<Snapshot | undefined> };

export function createFeedHub(hubDeps: HubDeps): FeedHub {
  const deps: Hub = { ...hubDeps, snapshotOf: shareSnapshots(hubDeps) };
  const streams = new Map<string, Set<Stream>>();
  const stopListening = deps.onChange((deploymentIds) => {
    for (const id of deploymentIds) for (const stream of streams.get(id) ?? []) pump(deps, stream, stop);
  });
  let beating = false;
  const timer = setInterval(() => {
    if (beating) return; // a slow database delays heartbeats; it never piles them up
    beating = true;
    beat(
      deps,
      [...streams.values()].flatMap((set) => [...set]),
      stop,
    )
      .catch((error: unknown) => deps.log.warn({ err: error }, 'no heartbeat this second'))
      .finally(() => {
        beating = false;
      });
  }, heartbeatMs);
  timer.unref();

  function stop(stream: Stream): void {
    if (stream.stopped) return;
    stream.stopped = true;
    const set = streams.get(stream.listener.deploymentId);
    set?.delete(stream);
    if (set?.size === 0) streams.delete(stream.listener.deploymentId);
    stream.listener.end();
  }

  return {
    connect(listener) {
      const stream: Stream = { listener, sequence: 0, chain: '', pumping: Promise.resolve(), stopped: false };
      const set = streams.get(listener.deploymentId) ?? new Set();
      const mine = [...set].filter((other) => other.listener.agentTokenId === listener.agentTokenId);
      for (const old of mine.slice(0, Math.max(0, mine.length + 1 - maxStreamsPerToken))) stop(old);
      streams.set(listener.deploymentId, set.add(stream));
      stream.pumping = listener.send(`${JSON.stringify({ keys: deps.signingKeys.published('feed') })}\n`);
      pump(deps, stream, stop);
      return () => stop(stream);
    },
    async sendEnd(listener, at) {
      await listener.send(`${JSON.stringify({ keys: deps.signingKeys.published('feed') })}\n`);
      await sendLastWord(deps, listener, at);
      listener.end();
    },
    get connected() {
      return [...streams.values()].reduce((sum, set) => sum + set.size, 0);
    },
    close() {
      clearInterval(timer);
      stopListening();
      for (const set of streams.values()) for (const stream of set) stop(stream);
    },
  };
}

/**
 * Who comes while a snapshot of the Deployment is being taken gets the same one: it says where changes go on, so it need not
 * be newer than the connection. However many come, the database is read once.
 */
function shareSnapshots(deps: HubDeps): Hub['snapshotOf'] {
  const running = new Map<string, Promise<Snapshot | undefined>>();
  return (deploymentId) => {
    const snapshot = running.get(deploymentId) ?? takeSnapshot(deps, deploymentId).finally(() => running.delete(deploymentId));
    running.set(deploymentId, snapshot);
    return snapshot;
  };
}

/** One at a time for each gateway, in order. */
function pump(deps: Hub, stream: Stream, stop: (stream: Stream) => void): void {
  stream.pumping = stream.pumping
    .then(async () => {
      if (stream.stopped) return;
      const isNew = stream.chain === '';
      if (isNew) await begin(deps, stream, stop);
      while (!stream.stopped && (await sendChanges(deps, stream, stop))) {
        // until there is nothing newer
      }
      if (isNew && !stream.stopped) await beat(deps, [stream], stop); // its state is good now, not within a second
    })
    .catch((error: unknown) => {
      if (!stream.stopped) deps.log.warn({ err: error, deployment: stream.listener.deploymentId }, 'a gateway lost its feed');
      stop(stream);
    });
}

/** Goes on where the gateway stands if that point is known here, otherwise starts it over. */
async function begin(deps: Hub, stream: Stream, stop: (stream: Stream) => void): Promise<void> {
  const { deploymentId, position } = stream.listener;
  if (position && position.epoch === deps.feedEpoch && position.sequence > 0) {
    const chain = await findChain(deps.read, deploymentId, position.sequence);
    if (chain) {
      stream.sequence = position.sequence;
      stream.chain = chain;
      return;
    }
  }
  const snapshot = await deps.snapshotOf(deploymentId);
  if (!snapshot) return stop(stream);
  if (stream.stopped) return;
  await sendSnapshot(deps, stream.listener, snapshot);
  stream.sequence = snapshot.sequence;
  stream.chain = snapshot.chain;
  if (snapshot.ended) stop(stream);
}

async function sendSnapshot(
  deps: Hub,
  listener: Listener,
  snapshot: { entries: readonly string[]; sequence: number; chain: string },
): Promise<void> {
  const parts = Math.max(1, Math.ceil(snapshot.entries.length / entriesPerPart));
  for (let part = 1; part <= parts; part++) {
    const entries = snapshot.entries.slice((part - 1) * entriesPerPart, part * entriesPerPart);
    const range = { from: 0, to: snapshot.sequence, chainFrom: '', chainTo: snapshot.chain };
    await sendBatch(deps, listener, { ...range, entries, snapshot: true, part, parts });
  }
}

/** @returns whether there may be more */
async function sendChanges(deps: Hub, stream: Stream, stop: (stream: Stream) => void): Promise<boolean> {
  const rows = await listChanges(deps.read, stream.listener.deploymentId, stream.sequence, changesPerBatch);
  const last = rows.at(-1);
  if (!last) return false;
  const entries = rows.map((row) => row.body);
  const range = { from: stream.sequence, to: last.sequence, chainFrom: stream.chain, chainTo: last.chain };
  await sendBatch(deps, stream.listener, { ...range, entries, snapshot: false, part: 1, parts: 1 });
  stream.sequence = last.sequence;
  stream.chain = last.chain;
  if (isEnd(last.body)) stop(stream);
  return rows.length === changesPerBatch;
}

const isEnd = (body: string): boolean => (JSON.parse(body) as { kind?: string }).kind === 'end';

async function sendBatch(
  deps: Hub,
  listener: Listener,
  batch: Pick<FeedBatch, 'snapshot' | 'part' | 'parts' | 'from' | 'to' | 'chainFrom' | 'chainTo' | 'entries'>,
): Promise<void> {
  const payload: FeedBatch = { ...addressed(deps, listener), iat: Math.floor(deps.now() / 1000), epoch: deps.feedEpoch, ...batch };
  await listener.send(`${JSON.stringify({ batch: signCompact('feed+jwt', deps.signingKeys.current('feed'), payload) })}\n`);
}

/** Names the agent token, so that nobody can end another gateway with it. */
async function sendLastWord(deps: Hub, listener: Listener, at: number): Promise<void> {
  const [head] = await listFeedHeads(deps.read, [listener.deploymentId]);
  if (!head) return;
  const end: FeedEntry = { kind: 'end', reason: 'agent_token_ended', at, agentTokenId: listener.agentTokenId };
  await sendSnapshot(deps, listener, { entries: [canonical(end)], sequence: head.feedSequence, chain: head.feedChain });
}

const addressed = (deps: Hub, listener: Pick<Listener, 'deploymentId'>): { iss: string; aud: string } => ({
  iss: deps.issuers[0] ?? '',
  aud: feedAudience(listener.deploymentId),
});

/** One look at the database for all gateways, then one signature for each Deployment. */
async function beat(deps: Hub, all: readonly Stream[], stop: (stream: Stream) => void): Promise<void> {
  if (all.length === 0) return;
  const at = deps.now(); // before reading: what is read is at least this new
  const heads = new Map(
    (await listFeedHeads(deps.read, [...new Set(all.map((s) => s.listener.deploymentId))])).map((head) => [head.id, head]),
  );
  const ended = new Map(
    (
      await listEndedTokens(
        deps.read,
        all.map((s) => s.listener.agentTokenId),
      )
    ).map((token) => [token.id, token.deletedAt]),
  );
  const lines = new Map<string, string>();
  for (const stream of all) {
    const { listener } = stream;
    const head = heads.get(listener.deploymentId);
    const endedAt = ended.get(listener.agentTokenId);
    if (!head || (listener.expiresAt ?? Number.POSITIVE_INFINITY) <= at) {
      stop(stream);
    } else if (endedAt !== undefined && head.deletedAt === null) {
      stream.pumping = stream.pumping
        .then(() => (stream.stopped ? undefined : sendLastWord(deps, listener, endedAt ?? at)))
        .then(
          () => stop(stream),
          () => stop(stream),
        );
    } else {
      if (stream.sequence < head.feedSequence) pump(deps, stream, stop); // a wake-up call was lost
      const payload: FeedHeartbeat = {
        ...addressed(deps, listener),
        at,
        epoch: deps.feedEpoch,
        sequence: head.feedSequence,
        chain: head.feedChain,
      };
      const line =
        lines.get(head.id) ?? `${JSON.stringify({ heartbeat: signCompact('heartbeat+jwt', deps.signingKeys.current('feed'), payload) })}\n`;
      lines.set(head.id, line);
      stream.pumping = stream.pumping.then(() => (stream.stopped ? undefined : listener.send(line))).catch(() => stop(stream));
    }
  }
}
