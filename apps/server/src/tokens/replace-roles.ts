import type { ApiTokenRole, SubjectRoles, TokenParams, TokenRoles } from '@astrolabe/contract';
import { allows } from '@astrolabe/policy';
import { record } from '../audit/audit.ts';
import type { Deps, Principal } from '../deps.ts';
import { announceToken } from '../feed/announce.ts';
import { updatedStamps } from '../members/profiles.ts';
import { Problem } from '../problem.ts';
import { bare, checkRole, checkRoleSet, describe, keyOf, type RoleEntry } from '../roles/role-set.ts';
import type { Tx } from '../store/open.ts';
import { replaceTokenBindings } from '../store/role-bindings.ts';
import { lockToken, updateToken } from '../store/tokens.ts';
import { demandCovering, getVisibleToken, holds, maySee, type PlacedEntry, placeEntries, tokenPermission } from './sight.ts';
import { viewSubjectRoles } from './view.ts';

/**
 * Replaces the roles of a token that the caller may see by `input`, and leaves the others alone.
 *
 * Judged on the difference: each entry that is added, changed or removed needs the right to update tokens at its own entity,
 * and rights that cover it. What stays as it is needs nothing, so that existing clients may send it along.
 * @throws Problem `token_not_found`, `role_unknown`, `role_set_invalid`, `workspace_not_found`, `deployment_not_found`,
 *   `permission_denied`, `direct_access_frozen`
 */
export async function replaceRoles(deps: Deps, caller: Principal, target: TokenParams, input: TokenRoles): Promise<SubjectRoles> {
  return deps.write(caller, async (tx, actor) => {
    const token = await getVisibleToken(tx, actor, target, lockToken);
    const { row, entries } = token;
    const shown = entries.filter((entry) => maySee(actor, row.id, entry));
    const wanted = await placeWanted(tx, actor, row.organizationId, shown, input.roles);
    const all = [...entries.filter((entry) => !shown.includes(entry)), ...wanted];
    checkRoleSet(row, all);
    const difference = compare(shown, wanted);
    if (difference.added.length + difference.removed.length === 0) return viewSubjectRoles(wanted);
    demandDifference(actor, row.id, difference);
    if (row.kind === 'DIRECT_ACCESS') throw new Problem('direct_access_frozen', 'Create a new token with the other role.');
    const at = deps.now();
    await replaceTokenBindings(tx, row.organizationId, row.id, all);
    const touched = await updateToken(tx, row, updatedStamps(actor, at));
    if (touched) await announceToken(deps, tx, touched);
    await record(tx, actor, {
      at,
      action: 'token.roles_changed',
      targetType: 'token',
      targetId: row.id,
      detail: { name: row.name, added: difference.added.map(bare), removed: difference.removed.map(bare) },
    });
    return viewSubjectRoles(wanted);
  });
}

/** A changed entry is in both lists: the old role removed, the new one added. */
interface Difference {
  readonly added: readonly PlacedEntry[];
  readonly removed: readonly PlacedEntry[];
}

function compare(before: readonly PlacedEntry[], after: readonly PlacedEntry[]): Difference {
  const isIn = (entries: readonly PlacedEntry[], { role, ...entity }: PlacedEntry): boolean =>
    entries.some((other) => other.role === role && keyOf(other) === keyOf(entity));
  return { added: after.filter((entry) => !isIn(before, entry)), removed: before.filter((entry) => !isIn(after, entry)) };
}

/** @throws Problem `permission_denied` */
function demandDifference(actor: Principal, tokenId: string, { added, removed }: Difference): void {
  for (const entry of [...added, ...removed]) {
    if (entry.place === undefined || holds(actor, 'update', entry)) continue; // anybody may tidy up what gives nothing
    throw new Problem('permission_denied', `Needs ${tokenPermission(entry.entityType, 'update')} on ${describe(entry)}.`);
  }
  demandCovering(actor, undefined, added); // nobody raises its own role either
  demandCovering(actor, tokenId, removed);
}

/** What was asked for, each with its place. An entity that the caller may not see is not there. */
async function placeWanted(
  tx: Tx,
  actor: Principal,
  organizationId: string,
  shown: readonly PlacedEntry[],
  roles: readonly ApiTokenRole[],
): Promise<PlacedEntry[]> {
  const entries = roles.map(
    ({ entityType, entityId, role, deploymentId = '' }): RoleEntry => ({ entityType, entityId, deploymentId, role }),
  );
  for (const entry of entries) checkRole(entry);
  const known = new Set(shown.map(keyOf));
  const wanted = await placeEntries(tx, organizationId, entries);
  for (const entry of wanted) if (!known.has(keyOf(entry)) && !holds(actor, 'get', entry)) throw notThere(actor, entry, organizationId);
  return wanted;
}

function notThere(actor: Principal, entry: PlacedEntry, organizationId: string): Problem {
  const { place, entityType } = entry;
  if (entityType === 'ORGANIZATION' && !place) {
    return new Problem('role_set_invalid', `The organization of the token is ${organizationId}.`);
  }
  const reading = entityType === 'WORKSPACE' ? 'workspace.get' : 'deployment.get';
  if (place && (entityType === 'ORGANIZATION' || allows(actor, reading, place))) {
    return new Problem('permission_denied', `Needs ${tokenPermission(entityType, 'update')} on ${describe(entry)}.`);
  }
  if (entityType === 'WORKSPACE') {
    return new Problem('workspace_not_found', `There is no workspace ${entry.entityId} that the caller may see.`);
  }
  const deploymentId = entityType === 'DEPLOYMENT' ? entry.entityId : entry.deploymentId;
  return new Problem('deployment_not_found', `There is no Deployment ${deploymentId} that the caller may see.`);
}
