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

export async function updateOrganization(tx: Tx, organizationId: string, change: OrganizationChange): Promise<OrganizationRow> {
  return tx.updateTable('organization').set(change).where('id', '=', organizationId).returningAll().executeTakeFirstOrThrow();
}
