import type { RetiredValue } from '@astrolabe/contract';
import type { Db } from './open.ts';
import { listTokenBindings } from './role-bindings.ts';
import type { DeploymentRow, RoleBindingRow, TokenRow, TokenValueRow } from './schema.ts';

const retiredKeptMs = 30 * 24 * 60 * 60 * 1000;

/** Everything about a token that gateways need. */
export interface TokenState {
  readonly token: TokenRow;
  readonly live: readonly Pick<TokenValueRow, 'jtiHash' | 'issuedAt' | 'endsAt'>[];
  /** Values retired within the last 30 days: kept only to explain a refusal. */
  readonly retired: readonly RetiredValue[];
  readonly bindings: readonly Pick<RoleBindingRow, 'entityType' | 'entityId' | 'deploymentId' | 'role'>[];
}

type Place = Pick<DeploymentRow, 'id' | 'organizationId' | 'workspaceId'>;

/** A Deployment with the head of its feed, deleted ones too: their gateways are told of the end. */
export async function findFeedPlace(db: Db, deploymentId: string): Promise<DeploymentRow | undefined> {
  return db.selectFrom('deployment').selectAll().where('id', '=', deploymentId).executeTakeFirst();
}

/** Which of these agent tokens have ended, and when. */
export async function listEndedTokens(db: Db, tokenIds: readonly string[]): Promise<{ id: string; deletedAt: number | null }[]> {
  if (tokenIds.length === 0) return [];
  return db.selectFrom('token').select(['id', 'deletedAt']).where('id', 'in', tokenIds).where('deletedAt', 'is not', null).execute();
}

export async function readTokenState(db: Db, token: TokenRow, now: number): Promise<TokenState> {
  const [state] = await readTokenStates(db, token.organizationId, [token], now);
  if (!state) throw new Error('one token in, one state out');
  return state;
}

/** Deployments in whose feed the token stands, in id order: its own, all of its workspace, or all of the organization. */
export async function listConcernedDeployments(db: Db, token: TokenRow): Promise<Place[]> {
  let query = db
    .selectFrom('deployment')
    .select(['id', 'organizationId', 'workspaceId'])
    .where('organizationId', '=', token.organizationId)
    .where('deletedAt', 'is', null)
    .orderBy('id');
  if (token.homeScope === 'WORKSPACE') query = query.where('workspaceId', '=', token.homeEntityId);
  if (token.homeScope === 'DEPLOYMENT') query = query.where('id', '=', token.homeEntityId);
  return query.execute();
}

/** One page of the tokens that concern a Deployment, by id; agent tokens are never among them. */
export async function listConcerningTokens(db: Db, place: Place, afterId: string, limit: number, now: number): Promise<TokenState[]> {
  const tokens = await db
    .selectFrom('token')
    .selectAll()
    .where('organizationId', '=', place.organizationId)
    .where('kind', '!=', 'AGENT')
    .where('id', '>', afterId)
    .where((token) =>
      token.or([
        token.and([token('homeScope', '=', 'ORGANIZATION'), token('homeEntityId', '=', place.organizationId)]),
        token.and([token('homeScope', '=', 'WORKSPACE'), token('homeEntityId', '=', place.workspaceId)]),
        token.and([token('homeScope', '=', 'DEPLOYMENT'), token('homeEntityId', '=', place.id)]),
      ]),
    )
    .where((token) => token.or([token('deletedAt', 'is', null), token('deletedAt', '>', now - retiredKeptMs)]))
    .orderBy('id')
    .limit(limit)
    .execute();
  return readTokenStates(db, place.organizationId, tokens, now);
}

async function readTokenStates(db: Db, organizationId: string, tokens: readonly TokenRow[], now: number): Promise<TokenState[]> {
  if (tokens.length === 0) return [];
  const ids = tokens.map((token) => token.id);
  const values = await db
    .selectFrom('tokenValue')
    .selectAll()
    .where('tokenId', 'in', ids)
    .where((value) => value.or([value('retiredAt', 'is', null), value('retiredAt', '>', now - retiredKeptMs)]))
    .orderBy('generation')
    .execute();
  const bindings = await listTokenBindings(db, organizationId, ids);
  return tokens.map((token) => {
    const mine = values.filter((value) => value.tokenId === token.id);
    return {
      token,
      live: mine.filter((value) => value.retiredAt === null || value.retiredAt > now).map((value) => withEarlierEnd(value)),
      retired: mine.flatMap((value) =>
        value.retiredAt !== null && value.retiredAt <= now
          ? [{ jtiHash: value.jtiHash, reason: value.retiredReason ?? 'deleted', at: value.retiredAt }]
          : [],
      ),
      bindings: bindings.filter((binding) => binding.subjectId === token.id),
    };
  });
}

/** During an overlap a value is live and already knows when it will be retired: gateways end it then on their own. */
function withEarlierEnd(value: TokenValueRow): TokenValueRow {
  if (value.retiredAt === null) return value;
  return { ...value, endsAt: Math.min(value.retiredAt, value.endsAt ?? value.retiredAt) };
}
