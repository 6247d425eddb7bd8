import { record } from '../audit/audit.ts';
import type { Deps, Principal } from '../deps.ts';
import { announceToken } from '../feed/announce.ts';
import { updatedStamps } from '../members/profiles.ts';
import { bare, keyOf, type RoleEntry } from '../roles/role-set.ts';
import type { Tx } from '../store/open.ts';
import { listAssignments, listTokenBindings, replaceTokenBindings } from '../store/role-bindings.ts';
import type { TokenRow } from '../store/schema.ts';
import { endToken, listTokensAtHome, lockToken, updateToken } from '../store/tokens.ts';

/** An entity that is being deleted. */
export interface Ending {
  readonly organizationId: string;
  readonly homeScope: TokenRow['homeScope'];
  readonly homeEntityId: string;
}

/**
 * Ends every token that lives in an entity that is being deleted, agent tokens too, and the roles that other tokens hold there
 * . Call it under the lock of the entity's row and before it is marked deleted: then nobody makes a token in it
 * meanwhile, and its own gateways still hear of each.
 */
export async function endTokensOf(deps: Pick<Deps, 'now'>, tx: Tx, actor: Principal, ending: Ending): Promise<void> {
  const at = deps.now();
  for (const token of await listTokensAtHome(tx, ending)) {
    const row = await endToken(tx, token, at, updatedStamps(actor, at));
    const isAgent = row.kind === 'AGENT';
    if (!isAgent) await announceToken(deps, tx, row);
    await record(tx, actor, {
      at,
      action: isAgent ? 'agent_token.deleted' : 'token.deleted',
      targetType: isAgent ? 'agent_token' : 'token',
      targetId: row.id,
      detail: { name: row.name, shortToken: row.shortToken, because: `${ending.homeScope.toLowerCase()}_deleted` },
    });
  }
  const { organizationId, homeScope, homeEntityId } = ending;
  if (homeScope === 'ORGANIZATION') return; // all that could hold a role in it ended
  await endAssignments(tx, actor, organizationId, { entityType: homeScope, entityId: homeEntityId }, at);
}

/** Gateways that stay are not told: a role in an entity that ends never concerned them. */
async function endAssignments(
  tx: Tx,
  actor: Principal,
  organizationId: string,
  entity: { readonly entityType: 'WORKSPACE' | 'DEPLOYMENT'; readonly entityId: string },
  at: number,
): Promise<void> {
  const assignments = await listAssignments(tx, organizationId, entity);
  for (const tokenId of new Set(assignments.map((binding) => binding.subjectId))) {
    const token = await lockToken(tx, organizationId, tokenId);
    if (!token) continue; // it ended before, and what it held is part of its record
    const removed = new Set(assignments.filter((binding) => binding.subjectId === tokenId).map(keyOf));
    const held = await listTokenBindings(tx, organizationId, [tokenId]);
    const isRemoved = (entry: RoleEntry): boolean => removed.has(keyOf(entry));
    await replaceTokenBindings(
      tx,
      organizationId,
      tokenId,
      held.filter((entry) => !isRemoved(entry)),
    );
    await updateToken(tx, token, updatedStamps(actor, at));
    await record(tx, actor, {
      at,
      action: 'token.roles_changed',
      targetType: 'token',
      targetId: tokenId,
      detail: { name: token.name, added: [], removed: held.filter(isRemoved).map(bare) },
    });
  }
}
