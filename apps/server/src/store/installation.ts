import type { Db, Tx } from './open.ts';
import type { InstallationRow } from './schema.ts';

/** The one row; absent before the first start has finished. */
export async function findInstallation(db: Db): Promise<InstallationRow | undefined> {
  return db.selectFrom('installation').selectAll().where('id', '=', 1).executeTakeFirst();
}

export async function insertInstallation(tx: Tx, row: Omit<InstallationRow, 'id'>): Promise<void> {
  await tx
    .insertInto('installation')
    .values({ id: 1, ...row })
    .execute();
}

/** Makes `issuer` the one that signs; the one before stays accepted. */
export async function changeIssuer(tx: Tx, issuer: string, formerIssuers: readonly string[]): Promise<void> {
  await tx
    .updateTable('installation')
    .set({ issuer, formerIssuers: JSON.stringify(formerIssuers) })
    .where('id', '=', 1)
    .execute();
}
