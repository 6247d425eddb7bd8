import type { Db, Tx } from './open.ts';
import type { SigningKeyRow } from './schema.ts';

/** All key pairs of the installation, oldest first. */
export async function listSigningKeys(db: Db): Promise<SigningKeyRow[]> {
  return db.selectFrom('signingKey').selectAll().orderBy('createdAt').orderBy('id').execute();
}

export async function insertSigningKey(tx: Tx, row: SigningKeyRow): Promise<void> {
  await tx.insertInto('signingKey').values(row).execute();
}
