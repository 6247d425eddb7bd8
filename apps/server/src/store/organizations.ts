import { isPostgres } from './dialect.ts';
import type { Db, Tx } from './open.ts';
import type { OrganizationRow } from './schema.ts';

/** What a change of an organization may set. */
export type OrganizationChange = Pick<OrganizationRow, 'name' | 'settings' | 'updatedAt' | 'updatedBy' | 'updatedByType'>;

export async function insertOrganization(tx: Tx, row: OrganizationRow): Promise<void> {
  await tx.insertInto('organization').values(row).execute();
}

/** All of them, deleted ones too, oldest first. */
export async function listOrganizations(db: Db): Promise<OrganizationRow[]> {
  return db.selectFrom('organization').selectAll().orderBy('createdAt').orderBy('id').execute();
}

/** Undefined when it is not there or was deleted. */
export async function findOrganization(db: Db, organizationId: string): Promise<OrganizationRow | undefined> {
  return db.selectFrom('organization').selectAll().where('id', '=', organizationId).where('deletedAt', 'is', null).executeTakeFirst();
}

/** The same under its row lock: nobody else changes it before this transaction ends. */
export async function lockOrganization(tx: Tx, organizationId: string): Promise<OrganizationRow | undefined> {
  return tx
    .updateTable('organization')
    .set((row) => ({ updatedAt: row.ref('updatedAt') })) // an update of nothing is the lock that both databases have
    .where('id', '=', organizationId)
    .where('deletedAt', 'is', null)
    .returningAll()
    .executeTakeFirst();
}

/**
 * Waits for its turn among the server processes: the first statement of every change in the organization. Each change ends at
 * this row anyway, with its audit record; coming to it with other rows in hand, two processes would wait for each other, which
 * costs a second each time. SQLite has one writer.
 */
export async function takeTurn(tx: Tx, organizationId: string): Promise<void> {
  if (isPostgres(tx)) await lockOrganization(tx, organizationId);
}

export async function updateOrganization(tx: Tx, organizationId: string, change: OrganizationChange): Promise<OrganizationRow> {
  return tx.updateTable('organization').set(change).where('id', '=', organizationId).returningAll().executeTakeFirstOrThrow();
}
