import type { Tx } from './open.ts';
import type { UserRow } from './schema.ts';

export async function insertUser(tx: Tx, row: UserRow): Promise<void> {
  await tx.insertInto('user').values(row).execute();
}
