import type { Sort } from '@astrolabe/contract';
import { sql } from 'kysely';
import { isUniqueViolation } from './dialect.ts';
import type { Db, Tx } from './open.ts';
import type { TokenRow, TokenValueRow } from './schema.ts';

/** What is kept of a new value: never the value. */
export type NewValue = Pick<TokenValueRow, 'jtiHash' | 'issuedAt' | 'endsAt'> & Pick<TokenRow, 'shortToken'>;

/** Who touches a token, and when. */
export type Touch = Pick<TokenRow, 'updatedAt' | 'updatedBy' | 'updatedByType'>;

export interface Rotated {
  readonly token: TokenRow;
  /** When the value before ends; undefined when it had ended already. */
  readonly previousEndsAt: number | undefined;
}

/** As the index `token_name` has it, to the letter: asked in any other way, the database would not use that index. */
const isAgentToken = sql<number>`(case when kind = 'AGENT' then 1 else 0 end)`;

/** Undefined when it is not in this organization or was deleted. */
export async function findToken(db: Db, organizationId: string, tokenId: string): Promise<TokenRow | undefined> {
  return db
    .selectFrom('token')
    .selectAll()
    .where('organizationId', '=', organizationId)
    .where('id', '=', tokenId)
    .where('deletedAt', 'is', null)
    .executeTakeFirst();
}

/** The same under its row lock: nobody else changes it or its roles before this transaction ends. */
export async function lockToken(tx: Tx, organizationId: string, tokenId: string): Promise<TokenRow | undefined> {
  return tx
    .updateTable('token')
    .set((row) => ({ updatedAt: row.ref('updatedAt') })) // an update of nothing is the lock that both databases have
    .where('organizationId', '=', organizationId)
    .where('id', '=', tokenId)
    .where('deletedAt', 'is', null)
    .returningAll()
    .executeTakeFirst();
}

/** The live token that has this name in this home; agent tokens have names of their own. */
export async function findTokenByName(
  db: Db,
  home: Pick<TokenRow, 'organizationId' | 'homeEntityId' | 'kind'>,
  name: string,
): Promise<TokenRow | undefined> {
  return db
    .selectFrom('token')
    .selectAll()
    .where('organizationId', '=', home.organizationId)
    .where('homeEntityId', '=', home.homeEntityId)
    .where(isAgentToken, '=', home.kind === 'AGENT' ? 1 : 0)
    .where('name', '=', name)
    .where('deletedAt', 'is', null)
    .executeTakeFirst();
}

/** A token with its first value. @returns false when another transaction took the name first */
export async function insertToken(tx: Tx, token: TokenRow, value: NewValue): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('token')
    .values(token)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirstOrThrow();
  if (numInsertedOrUpdatedRows !== 1n) return false;
  await insertValue(tx, token, value);
  return true;
}

/** @returns undefined when another transaction took the name first; then all that is left to do in this one is to throw */
export async function updateToken(
  tx: Tx,
  token: TokenRow,
  change: Touch & Partial<Pick<TokenRow, 'name' | 'description'>>,
): Promise<TokenRow | undefined> {
  try {
    return await tx
      .updateTable('token')
      .set(change)
      .where('organizationId', '=', token.organizationId)
      .where('id', '=', token.id)
      .returningAll()
      .executeTakeFirstOrThrow();
  } catch (error) {
    if (isUniqueViolation(error)) return undefined;
    throw error;
  }
}

/**
 * Compare-and-swap on `generation`: undefined means another rotation committed first. The value before ends at
 * `previousEndsAt`, but never later than it would have; whatever was still left of older ones ends now.
 */
export async function startGeneration(
  tx: Tx,
  token: TokenRow,
  value: NewValue,
  previousEndsAt: number,
  touch: Touch,
): Promise<Rotated | undefined> {
  const at = value.issuedAt;
  const row = await tx
    .updateTable('token')
    .set({ generation: token.generation + 1, shortToken: value.shortToken, endAt: value.endsAt, lastRotatedAt: at, ...touch })
    .where('organizationId', '=', token.organizationId)
    .where('id', '=', token.id)
    .where('generation', '=', token.generation)
    .where('deletedAt', 'is', null)
    .returningAll()
    .executeTakeFirst();
  if (!row) return undefined;
  const rotated = { token: row, previousEndsAt: await retireForRotation(tx, token, at, previousEndsAt) };
  await insertValue(tx, row, value);
  return rotated;
}

/** Ends a token and all its values for good. Its row stays for the audit trail, its name is free again. */
export async function endToken(tx: Tx, token: TokenRow, at: number, touch: Touch): Promise<TokenRow> {
  await tx
    .updateTable('tokenValue')
    .set({ retiredAt: at, retiredReason: 'deleted' })
    .where('organizationId', '=', token.organizationId)
    .where('tokenId', '=', token.id)
    .where((value) => value.or([value('retiredAt', 'is', null), value('retiredAt', '>', at)]))
    .execute();
  return tx
    .updateTable('token')
    .set({ deletedAt: at, ...touch })
    .where('organizationId', '=', token.organizationId)
    .where('id', '=', token.id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** Live tokens that live in this entity, agent tokens too, by id. An organization's are all there are in it. */
export async function listTokensAtHome(
  db: Db,
  home: { organizationId: string; homeScope: TokenRow['homeScope']; homeEntityId: string },
): Promise<TokenRow[]> {
  let query = db.selectFrom('token').selectAll().where('organizationId', '=', home.organizationId).where('deletedAt', 'is', null);
  if (home.homeScope !== 'ORGANIZATION') {
    query = query.where('homeScope', '=', home.homeScope).where('homeEntityId', '=', home.homeEntityId);
  }
  return query.orderBy('id').execute();
}

/** One page of the agent tokens of a Deployment, and how many there are in all. Without an order the newest come first. */
export async function listAgentTokens(
  db: Db,
  organizationId: string,
  deploymentId: string,
  sorts: readonly Sort<keyof TokenRow>[],
  page: { readonly limit: number; readonly offset: number },
): Promise<{ rows: TokenRow[]; totalCount: number }> {
  const query = db
    .selectFrom('token')
    .where('organizationId', '=', organizationId)
    .where('homeScope', '=', 'DEPLOYMENT')
    .where('homeEntityId', '=', deploymentId)
    .where('kind', '=', 'AGENT')
    .where('deletedAt', 'is', null);
  const { count } = await query.select((row) => row.fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
  let ordered = query.selectAll();
  for (const { field, direction } of sorts) ordered = ordered.orderBy(field, direction);
  if (sorts.length === 0) ordered = ordered.orderBy('createdAt', 'desc');
  const rows = await ordered.orderBy('id', 'desc').limit(page.limit).offset(page.offset).execute();
  return { rows, totalCount: count };
}

/** Notes the last use of tokens; a later note of another process stays. */
export async function noteUses(
  tx: Tx,
  uses: readonly { readonly organizationId: string; readonly tokenId: string; readonly at: number; readonly address: string }[],
): Promise<void> {
  for (const { organizationId, tokenId, at, address } of uses) {
    await tx
      .updateTable('token')
      .set({ lastUsedAt: at, lastUsedAddress: address })
      .where('organizationId', '=', organizationId)
      .where('id', '=', tokenId)
      .where((token) => token.or([token('lastUsedAt', 'is', null), token('lastUsedAt', '<', at)]))
      .execute();
  }
}

async function insertValue(tx: Tx, token: TokenRow, value: NewValue): Promise<void> {
  await tx
    .insertInto('tokenValue')
    .values({
      jtiHash: value.jtiHash,
      organizationId: token.organizationId,
      tokenId: token.id,
      generation: token.generation,
      issuedAt: value.issuedAt,
      endsAt: value.endsAt,
      retiredAt: null,
      retiredReason: null,
    })
    .execute();
}

/** @returns when the value that was the newest ends; undefined when it had ended already */
async function retireForRotation(tx: Tx, token: TokenRow, at: number, previousEndsAt: number): Promise<number | undefined> {
  const values = await tx
    .selectFrom('tokenValue')
    .selectAll()
    .where('organizationId', '=', token.organizationId)
    .where('tokenId', '=', token.id)
    .where((value) => value.or([value('retiredAt', 'is', null), value('retiredAt', '>', at)]))
    .execute();
  let newestEndsAt: number | undefined;
  for (const value of values) {
    const isNewest = value.generation === token.generation;
    const endsAt = Math.min(isNewest ? previousEndsAt : at, value.endsAt ?? Number.POSITIVE_INFINITY);
    if (isNewest && (value.endsAt === null || value.endsAt > at)) newestEndsAt = endsAt;
    await tx
      .updateTable('tokenValue')
      .set({ retiredAt: Math.max(at, endsAt), retiredReason: 'rotated' })
      .where('jtiHash', '=', value.jtiHash)
      .execute();
  }
  return newestEndsAt;
}
