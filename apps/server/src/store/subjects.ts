import type { Db } from './open.ts';
import type { SubjectType } from './schema.ts';

/** Who did something, as rows remember it. */
export interface SubjectReference {
  readonly id: string;
  readonly type: SubjectType;
}

/** Names of these tokens, deleted ones too: what they did stays theirs. */
export async function listTokenNames(db: Db, organizationId: string, tokenIds: readonly string[]): Promise<{ id: string; name: string }[]> {
  if (tokenIds.length === 0) return [];
  return db.selectFrom('token').select(['id', 'name']).where('organizationId', '=', organizationId).where('id', 'in', tokenIds).execute();
}

export async function listUserNames(
  db: Db,
  organizationId: string,
  userIds: readonly string[],
): Promise<{ id: string; username: string; fullName: string }[]> {
  if (userIds.length === 0) return [];
  return db
    .selectFrom('user')
    .select(['id', 'username', 'fullName'])
    .where('organizationId', '=', organizationId)
    .where('id', 'in', userIds)
    .execute();
}
