import type { Db } from './open.ts';
import type { RoleBindingRow, TokenRow } from './schema.ts';

/** A token and when the presented value of it ends. */
export interface LiveToken {
  readonly token: TokenRow;
  readonly valueEndsAt: number | null;
}

/** The token whose value hashes to `jtiHash`, if both are live at `now`. */
export async function findLiveToken(db: Db, jtiHash: string, now: number): Promise<LiveToken | undefined> {
  const row = await db
    .selectFrom('tokenValue')
    .innerJoin('token', 'token.id', 'tokenValue.tokenId')
    .selectAll('token')
    .select('tokenValue.endsAt as valueEndsAt')
    .where('tokenValue.jtiHash', '=', jtiHash)
    .where('token.deletedAt', 'is', null)
    .where((value) => value.or([value('tokenValue.retiredAt', 'is', null), value('tokenValue.retiredAt', '>', now)]))
    .where((value) => value.or([value('tokenValue.endsAt', 'is', null), value('tokenValue.endsAt', '>', now)]))
    .executeTakeFirst();
  if (!row) return undefined;
  const { valueEndsAt, ...token } = row;
  return { token, valueEndsAt };
}

/** An agent token that was deleted after having been issued with this value. */
export async function findEndedAgentToken(db: Db, jtiHash: string): Promise<TokenRow | undefined> {
  return db
    .selectFrom('tokenValue')
    .innerJoin('token', 'token.id', 'tokenValue.tokenId')
    .selectAll('token')
    .where('tokenValue.jtiHash', '=', jtiHash)
    .where('token.kind', '=', 'AGENT')
    .where('token.deletedAt', 'is not', null)
    .executeTakeFirst();
}

/** The roles of one subject, in the order they were given. */
export async function listBindings(
  db: Db,
  organizationId: string,
  subjectType: RoleBindingRow['subjectType'],
  subjectId: string,
): Promise<RoleBindingRow[]> {
  return db
    .selectFrom('roleBinding')
    .selectAll()
    .where('organizationId', '=', organizationId)
    .where('subjectType', '=', subjectType)
    .where('subjectId', '=', subjectId)
    .orderBy('position')
    .execute();
}
