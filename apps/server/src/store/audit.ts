import { createHash } from 'node:crypto';
import type { Db, Tx } from './open.ts';
import type { AuditEventRow } from './schema.ts';

/** An audit record before it gets its place in the chain. */
export type NewAuditEvent = Omit<AuditEventRow, 'sequence' | 'chain'>;

/** Appends a record to the organization's chain, under the organization's row lock and in the transaction of the change itself. */
export async function appendAudit(tx: Tx, event: NewAuditEvent): Promise<void> {
  const head = await tx
    .updateTable('organization')
    .set((row) => ({ auditSequence: row('auditSequence', '+', 1) }))
    .where('id', '=', event.organizationId)
    .returning(['auditSequence', 'auditChain'])
    .executeTakeFirstOrThrow();
  const chain = auditChain(head.auditChain, { ...event, sequence: head.auditSequence });
  await tx.updateTable('organization').set({ auditChain: chain }).where('id', '=', event.organizationId).execute();
  await tx
    .insertInto('auditEvent')
    .values({ ...event, sequence: head.auditSequence, chain })
    .execute();
}

/** SHA-256(chain before ‖ every field of the record in a fixed order): changing, dropping or moving a record breaks all after it. */
export function auditChain(before: string, event: Omit<AuditEventRow, 'chain'>): string {
  const fields = [
    event.organizationId,
    event.sequence,
    event.at,
    event.action,
    event.actorType,
    event.actorId,
    event.targetType,
    event.targetId,
    event.requestId,
    event.address,
    event.detail,
  ];
  return createHash('sha256').update(before).update(JSON.stringify(fields)).digest('hex');
}

/** Records after `sequence` in order. */
export async function listAuditEvents(db: Db, organizationId: string, after: number, limit: number): Promise<AuditEventRow[]> {
  return db
    .selectFrom('auditEvent')
    .selectAll()
    .where('organizationId', '=', organizationId)
    .where('sequence', '>', after)
    .orderBy('sequence')
    .limit(limit)
    .execute();
}
