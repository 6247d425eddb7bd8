import type { Sort } from '@astrolabe/contract';
import type { Expression, ExpressionBuilder, SqlBool } from 'kysely';
import type { Db } from './open.ts';
import type { Tables, TokenRow } from './schema.ts';

/** Where a caller may see roles of tokens at one level: everywhere, or in these places. */
export interface SightAtLevel {
  readonly everywhere: boolean;
  readonly workspaceIds: readonly string[];
  readonly deploymentIds: readonly string[];
}

/** Which roles of tokens a caller may see; a token with at least one of them is visible, and so is the caller itself. */
export interface TokenSight {
  readonly selfId: string;
  readonly organization: boolean;
  readonly workspace: SightAtLevel;
  readonly deployment: SightAtLevel;
}

/** What a list is about; everything that is given has to hold. */
export interface TokenFilter {
  readonly organizationId: string;
  readonly kind?: TokenRow['kind'];
  readonly homeScope?: TokenRow['homeScope'];
  /** With a role on the workspace itself. */
  readonly workspaceId?: string;
  /** With a role on the Deployment or on a Dag in it. */
  readonly deploymentId?: string;
  /** With a role on the Dag or on one of the tags; in `deploymentId` when that is given. */
  readonly dagId?: string;
  readonly dagTags?: readonly string[];
}

export type TokenSortColumn = 'name' | 'description' | 'createdAt' | 'updatedAt' | 'startAt';

type Bindings = ExpressionBuilder<Tables, 'roleBinding'>;

/** One page of the visible tokens that fit, and how many there are in all. Without an order the newest come first. */
export async function listTokens(
  db: Db,
  sight: TokenSight,
  filter: TokenFilter,
  sorts: readonly Sort<TokenSortColumn>[],
  page: { readonly limit: number; readonly offset: number },
): Promise<{ rows: TokenRow[]; totalCount: number }> {
  let query = db
    .selectFrom('token')
    .where('organizationId', '=', filter.organizationId)
    .where('kind', '!=', 'AGENT')
    .where('deletedAt', 'is', null);
  if (filter.kind) query = query.where('kind', '=', filter.kind);
  if (filter.homeScope) query = query.where('homeScope', '=', filter.homeScope);
  for (const fits of bindingFilters(filter)) {
    query = query.where(
      'id',
      'in',
      subjectsWith(db, filter, (binding) => binding.and([fits(binding), mayBeSeen(sight, binding)])),
    );
  }
  if (!seesEverything(sight)) {
    query = query.where((token) =>
      token.or([
        token('id', '=', sight.selfId),
        token(
          'id',
          'in',
          subjectsWith(db, filter, (b) => mayBeSeen(sight, b)),
        ),
      ]),
    );
  }
  const { count } = await query.select((row) => row.fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
  let ordered = query.selectAll();
  for (const { field, direction } of sorts) ordered = ordered.orderBy(field, direction);
  if (sorts.length === 0) ordered = ordered.orderBy('createdAt', 'desc');
  const rows = await ordered.orderBy('id', 'desc').limit(page.limit).offset(page.offset).execute();
  return { rows, totalCount: count };
}

const seesEverything = (sight: TokenSight): boolean => sight.organization && sight.workspace.everywhere && sight.deployment.everywhere;

function subjectsWith(db: Db, filter: TokenFilter, condition: (binding: Bindings) => Expression<SqlBool>) {
  return db
    .selectFrom('roleBinding')
    .select('subjectId')
    .where('organizationId', '=', filter.organizationId)
    .where('subjectType', '=', 'TOKEN')
    .where(condition);
}

/** Each is about one role; a token may satisfy them with different ones, but only with roles the caller may see. */
function bindingFilters(filter: TokenFilter): ((binding: Bindings) => Expression<SqlBool>)[] {
  const { workspaceId, deploymentId, dagId, dagTags = [] } = filter;
  const filters: ((binding: Bindings) => Expression<SqlBool>)[] = [];
  if (workspaceId !== undefined) {
    filters.push((b) => b.and([b('entityType', '=', 'WORKSPACE'), b('entityId', '=', workspaceId)]));
  }
  const isAboutDags = dagId !== undefined || dagTags.length > 0;
  if (isAboutDags) {
    filters.push((b) =>
      b.and([
        b.or([
          ...(dagId === undefined ? [] : [b.and([b('entityType', '=', 'DAG'), b('entityId', '=', dagId)])]),
          ...(dagTags.length === 0 ? [] : [b.and([b('entityType', '=', 'DAG_TAG'), b('entityId', 'in', dagTags)])]),
        ]),
        ...(deploymentId === undefined ? [] : [b('deploymentId', '=', deploymentId)]),
      ]),
    );
  } else if (deploymentId !== undefined) {
    filters.push((b) => b.or([isOn(b, [deploymentId]), b('deploymentId', '=', deploymentId)]));
  }
  return filters;
}

const isOn = (b: Bindings, deploymentIds: readonly string[]): Expression<SqlBool> =>
  b.and([b('entityType', '=', 'DEPLOYMENT'), b('entityId', 'in', deploymentIds)]);

/** The same rule as `maySee` in `tokens/sight.ts`, in SQL; a test compares the two. */
function mayBeSeen(sight: TokenSight, b: Bindings): Expression<SqlBool> {
  const { workspace, deployment } = sight;
  const seen: Expression<SqlBool>[] = [b('subjectId', '=', sight.selfId)];
  if (sight.organization) seen.push(b('entityType', '=', 'ORGANIZATION'));
  if (workspace.everywhere) seen.push(b('entityType', '=', 'WORKSPACE'));
  else if (workspace.workspaceIds.length > 0) {
    seen.push(b.and([b('entityType', '=', 'WORKSPACE'), b('entityId', 'in', workspace.workspaceIds)]));
  }
  if (deployment.everywhere) seen.push(b('entityType', 'in', ['DEPLOYMENT', 'DAG', 'DAG_TAG']));
  else {
    if (deployment.deploymentIds.length > 0) {
      seen.push(isOn(b, deployment.deploymentIds), b('deploymentId', 'in', deployment.deploymentIds));
    }
    if (deployment.workspaceIds.length > 0) {
      const inside = b.selectFrom('deployment').select('deployment.id').where('deployment.workspaceId', 'in', deployment.workspaceIds);
      seen.push(b.and([b('entityType', '=', 'DEPLOYMENT'), b('entityId', 'in', inside)]), b('deploymentId', 'in', inside));
    }
  }
  return b.or(seen);
}
