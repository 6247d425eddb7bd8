import type { Db } from './open.ts';
import { inOrder } from './role-bindings.ts';
import type { RoleBindingRow, TokenRow, TokenValueRow } from './schema.ts';

/*
 * Every signed-in request asks these. SQLite plans a statement anew for each bound value when that may change the plan, which
 * takes longer than the look-up: hence two of them instead of a join, and roles put in order by us.
 */

/** A token and when the presented value of it ends. */
export interface LiveToken {
  readonly token: TokenRow;
  readonly valueEndsAt: number | null;
}

/** The token whose value hashes to `jtiHash`, if both are live at `now`. */
export async function findLiveToken(db: Db, jtiHash: string, now: number): Promise<LiveToken | undefined> {
  const value = await db
    .selectFrom('tokenValue')
    .select(['tokenId', 'endsAt', 'retiredAt'])
    .where('jtiHash', '=', jtiHash)
    .executeTakeFirst();
  if (!value || hasCome(value.retiredAt, now) || hasCome(value.endsAt, now)) return undefined;
  const token = await db.selectFrom('token').selectAll().where('id', '=', value.tokenId).where('deletedAt', 'is', null).executeTakeFirst();
  return token && { token, valueEndsAt: value.endsAt };
}

/** A value as it was issued, live or not, and whose it is. */
export type IssuedValue = Pick<TokenValueRow, 'organizationId' | 'tokenId' | 'endsAt' | 'retiredAt' | 'retiredReason'> &
  Pick<TokenRow, 'name' | 'kind'>;

export async function findIssuedValue(db: Db, jtiHash: string): Promise<IssuedValue | undefined> {
  return db
    .selectFrom('tokenValue')
    .innerJoin('token', 'token.id', 'tokenValue.tokenId')
    .select(['tokenValue.organizationId', 'tokenId', 'endsAt', 'retiredAt', 'retiredReason', 'name', 'kind'])
    .where('jtiHash', '=', jtiHash)
    .executeTakeFirst();
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
  const bindings = await db
    .selectFrom('roleBinding')
    .selectAll()
    .where('organizationId', '=', organizationId)
    .where('subjectType', '=', subjectType)
    .where('subjectId', '=', subjectId)
    .execute();
  return inOrder(bindings);
}

const hasCome = (at: number | null, now: number): boolean => at !== null && at <= now;
