/** The whole state of one Deployment as feed entries, as of one moment. */
import type { FeedEntry } from '@astrolabe/contract';
import type { Deps } from '../deps.ts';
import { readConsistently } from '../store/dialect.ts';
import { findFeedPlace, listConcerningTokens } from '../store/feed.ts';
import { canonical } from './announce.ts';
import { deploymentEntry, keysEntry, tokenEntry } from './entries.ts';

const tokensPerQuery = 200;

/** Entries that replace everything a gateway knew, and where the changes go on. */
export interface Snapshot {
  readonly entries: readonly string[];
  readonly sequence: number;
  readonly chain: string;
  readonly ended: boolean;
}

/** @returns undefined for an id that never was a Deployment */
export async function takeSnapshot(
  deps: Pick<Deps, 'read' | 'now' | 'issuers' | 'signingKeys'>,
  deploymentId: string,
): Promise<Snapshot | undefined> {
  return readConsistently(deps.read, async (db) => {
    const place = await findFeedPlace(db, deploymentId);
    if (!place) return undefined;
    const position = { sequence: place.feedSequence, chain: place.feedChain };
    if (place.deletedAt !== null) return { ...position, ended: true, entries: [canonical(endEntry(place.deletedAt))] };
    const entries = [canonical(deploymentEntry(place, deps.issuers)), canonical(keysEntry(deps.signingKeys))];
    for (let afterId = ''; ; ) {
      const states = await listConcerningTokens(db, place, afterId, tokensPerQuery, deps.now());
      for (const state of states) entries.push(canonical(tokenEntry(state, place)));
      const last = states.at(-1);
      if (!last || states.length < tokensPerQuery) break;
      afterId = last.token.id;
      await new Promise<void>((resolve) => setImmediate(resolve)); // SQLite answers at once: without a pause nobody else would get a turn
    }
    return { ...position, ended: false, entries };
  });
}

const endEntry = (at: number): FeedEntry => ({ kind: 'end', reason: 'deployment_deleted', at });
