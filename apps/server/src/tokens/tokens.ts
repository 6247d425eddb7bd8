/** Reading, renaming and deleting API tokens. Making values is `create.ts` and `rotate.ts`, roles are `replace-roles.ts`. */
import type { ApiToken, TokenList, TokenListQuery, TokenParams, UpdateToken } from '@astrolabe/contract';
import { record } from '../audit/audit.ts';
import type { Deps, Principal } from '../deps.ts';
import { announceToken } from '../feed/announce.ts';
import { updatedStamps } from '../members/profiles.ts';
import { Problem } from '../problem.ts';
import type { Db } from '../store/open.ts';
import { listTokens as listRows, type TokenSortColumn } from '../store/token-lists.ts';
import { endToken, findToken, lockToken, updateToken } from '../store/tokens.ts';
import { demandFreeName } from './issue.ts';
import { demandAtHome, demandCovering, getVisibleToken, homePlaceOf, loadTokens, type StoredToken, sightOf } from './sight.ts';
import { viewTokens } from './view.ts';

/** Every valid token may read at least itself. @throws Problem `token_not_found` */
export async function getToken(deps: Deps, caller: Principal, target: TokenParams): Promise<ApiToken> {
  return view(deps.read, caller, await getVisibleToken(deps.read, caller, target, findToken));
}

/**
 * The tokens that the caller may see, newest first unless asked otherwise. A filter finds a token by roles that the caller may
 * see only.
 * @throws Problem `organization_not_found`
 */
export async function listTokens(deps: Deps, caller: Principal, organizationId: string, query: TokenListQuery): Promise<TokenList> {
  if (caller.organizationId !== organizationId) throw new Problem('organization_not_found');
  const { limit, offset, sorts, includeOnlyOrganizationTokens, ...filter } = query;
  const { rows, totalCount } = await listRows(
    deps.read,
    sightOf(caller),
    { organizationId, ...filter, ...(includeOnlyOrganizationTokens ? { homeScope: 'ORGANIZATION' } : {}) },
    sorts.map(({ field, direction }) => ({ field: columnOf(field), direction })),
    { limit, offset },
  );
  const tokens = await viewTokens(deps.read, caller, organizationId, await loadTokens(deps.read, organizationId, rows));
  return { tokens, limit, offset, totalCount };
}

/** @throws Problem `token_not_found`, `permission_denied`, `not_home_scope`, `name_taken` */
export async function changeToken(deps: Deps, caller: Principal, target: TokenParams, input: UpdateToken): Promise<ApiToken> {
  return deps.write(caller, async (tx, actor) => {
    const token = await getVisibleToken(tx, actor, target, lockToken);
    const { row: before, entries } = token;
    demandAtHome(actor, token, 'update');
    demandCovering(actor, before.id, entries);
    await demandFreeName(tx, actor, { ...before, place: homePlaceOf(token) }, input.name);
    const { name, description = before.description } = input;
    if (name === before.name && description === before.description) return view(tx, actor, token);
    const at = deps.now();
    const row = await updateToken(tx, before, { name, description, ...updatedStamps(actor, at) });
    if (!row) throw new Problem('name_taken', `Another token was just named ${JSON.stringify(name)}.`);
    await announceToken(deps, tx, row);
    await record(tx, actor, {
      at,
      action: 'token.updated',
      targetType: 'token',
      targetId: row.id,
      detail: { name, ...(name === before.name ? {} : { previousName: before.name }) },
    });
    return view(tx, actor, { row, entries });
  });
}

/**
 * Ends the token for good; its record stays for the audit trail. Whoever may delete tokens here may delete a mightier one
 * too: ending a credential is never beyond anybody's rights.
 * @throws Problem `token_not_found`, `permission_denied`, `not_home_scope`
 */
export async function deleteToken(deps: Deps, caller: Principal, target: TokenParams): Promise<void> {
  await deps.write(caller, async (tx, actor) => {
    const token = await getVisibleToken(tx, actor, target, lockToken);
    demandAtHome(actor, token, 'delete');
    const at = deps.now();
    const row = await endToken(tx, token.row, at, updatedStamps(actor, at));
    await announceToken(deps, tx, row);
    const { name, shortToken } = row;
    await record(tx, actor, { at, action: 'token.deleted', targetType: 'token', targetId: row.id, detail: { name, shortToken } });
  });
}

async function view(db: Db, caller: Principal, token: StoredToken): Promise<ApiToken> {
  const [viewed] = await viewTokens(db, caller, token.row.organizationId, [token]);
  if (!viewed) throw new Error('one token in, one view out');
  return viewed;
}

const columnOf = (field: TokenListQuery['sorts'][number]['field']): TokenSortColumn => (field === 'tokenStartAt' ? 'startAt' : field);
