import { createHash } from 'node:crypto';
import { notifyChange } from './dialect.ts';
import type { Db, Tx } from './open.ts';
import type { ChangeRow } from './schema.ts';
import { markChanged } from './write.ts';

/** SHA-256 over the chain so far and the next body: what binds a feed to its own past. */
export const nextChain = (chain: string, body: string): string => createHash('sha256').update(chain).update(body).digest('hex');

/**
 * Appends one entry to the feed of a Deployment. The first update takes the row lock, so numbers are contiguous and two
 * writers wait for each other. Writers of several Deployments must come in id order, or they could wait in a circle.
 */
export async function appendChange(
  tx: Tx,
  change: { organizationId: string; deploymentId: string; body: string; at: number },
): Promise<void> {
  const head = await tx
    .updateTable('deployment')
    .set((row) => ({ feedSequence: row('feedSequence', '+', 1) }))
    .where('organizationId', '=', change.organizationId)
    .where('id', '=', change.deploymentId)
    .returning(['feedSequence', 'feedChain'])
    .executeTakeFirstOrThrow();
  const chain = nextChain(head.feedChain, change.body);
  await tx.updateTable('deployment').set({ feedChain: chain }).where('id', '=', change.deploymentId).execute();
  await tx
    .insertInto('change')
    .values({ ...change, sequence: head.feedSequence, chain })
    .execute();
  markChanged(tx, change.deploymentId);
  await notifyChange(tx, change.deploymentId);
}

/** Changes after `sequence`, at most `limit`, in order. */
export async function listChanges(db: Db, deploymentId: string, after: number, limit: number): Promise<ChangeRow[]> {
  return db
    .selectFrom('change')
    .selectAll()
    .where('deploymentId', '=', deploymentId)
    .where('sequence', '>', after)
    .orderBy('sequence')
    .limit(limit)
    .execute();
}

/** Where the feeds of these Deployments stand; one query for all of them. */
export async function listFeedHeads(
  db: Db,
  deploymentIds: readonly string[],
): Promise<{ id: string; feedSequence: number; feedChain: string; deletedAt: number | null }[]> {
  if (deploymentIds.length === 0) return [];
  return db.selectFrom('deployment').select(['id', 'feedSequence', 'feedChain', 'deletedAt']).where('id', 'in', deploymentIds).execute();
}

/** The chain after `sequence`; undefined when that change is not there (any more). */
export async function findChain(db: Db, deploymentId: string, sequence: number): Promise<string | undefined> {
  const row = await db
    .selectFrom('change')
    .select('chain')
    .where('deploymentId', '=', deploymentId)
    .where('sequence', '=', sequence)
    .executeTakeFirst();
  return row?.chain;
}
