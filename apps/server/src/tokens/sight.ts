/** Tokens with their roles in place, and what a caller may see and do with them. Design sections 5 and 6. */
import { allows, covers, type Entity, type EntityType, type Grant, type HomeScope, type Permission } from '@astrolabe/policy';
import type { Principal } from '../deps.ts';
import { reachOf } from '../organizations/reach.ts';
import { Problem } from '../problem.ts';
import { grantOf } from '../roles/grants.ts';
import { bare, describe, type RoleEntry } from '../roles/role-set.ts';
import type { Db } from '../store/open.ts';
import { listLiveDeployments, listLiveWorkspaceIds } from '../store/places.ts';
import { listTokenBindings } from '../store/role-bindings.ts';
import type { TokenRow } from '../store/schema.ts';
import type { TokenSight } from '../store/token-lists.ts';

/** A role of a token. Without a `place` its entity is gone, and it gives nothing. */
export interface PlacedEntry extends RoleEntry {
  readonly grant: Grant;
  readonly place: Entity | undefined;
}

/** A token as stored, with everything that decides about it. */
export interface StoredToken {
  readonly row: TokenRow;
  readonly entries: readonly PlacedEntry[];
}

export type TokenVerb = 'get' | 'create' | 'update' | 'delete' | 'rotate';

/** The right to do this with tokens that live in such an entity, and with roles that tokens hold on it. */
export function tokenPermission(entityType: EntityType, verb: TokenVerb): Permission {
  if (entityType === 'ORGANIZATION') return `organization.apiTokens.${verb}`;
  return entityType === 'WORKSPACE' ? `workspace.apiTokens.${verb}` : `deployment.apiTokens.${verb}`;
}

/** The rows with their roles, whatever their number in four queries. */
export async function loadTokens(db: Db, organizationId: string, rows: readonly TokenRow[]): Promise<StoredToken[]> {
  const bindings = await listTokenBindings(
    db,
    organizationId,
    rows.map((row) => row.id),
  );
  const placed = await placeEntries(db, organizationId, bindings);
  const tokens = new Map<string, { row: TokenRow; entries: PlacedEntry[] }>(rows.map((row) => [row.id, { row, entries: [] }]));
  for (const [index, entry] of placed.entries()) tokens.get(bindings[index]?.subjectId ?? '')?.entries.push(entry);
  return [...tokens.values()];
}

/** Fills in the levels above each entry, in the order given. */
export async function placeEntries(db: Db, organizationId: string, entries: readonly RoleEntry[]): Promise<PlacedEntry[]> {
  const idsOf = (type: EntityType): string[] => entries.filter((entry) => entry.entityType === type).map((entry) => entry.entityId);
  const deploymentIds = new Set([...idsOf('DEPLOYMENT'), ...entries.map((entry) => entry.deploymentId).filter(Boolean)]);
  const workspaces = new Set(await listLiveWorkspaceIds(db, organizationId, [...new Set(idsOf('WORKSPACE'))]));
  const deployments = new Map((await listLiveDeployments(db, organizationId, [...deploymentIds])).map((row) => [row.id, row.workspaceId]));
  const placeOf = ({ entityType, entityId, deploymentId }: RoleEntry): Entity | undefined => {
    if (entityType === 'ORGANIZATION') return entityId === organizationId ? { organizationId } : undefined;
    if (entityType === 'WORKSPACE') return workspaces.has(entityId) ? { organizationId, workspaceId: entityId } : undefined;
    const id = entityType === 'DEPLOYMENT' ? entityId : deploymentId;
    const workspaceId = deployments.get(id);
    if (workspaceId === undefined) return undefined;
    return { organizationId, workspaceId, deploymentId: id, ...(entityType === 'DAG' ? { dagId: entityId } : {}) };
  };
  return entries.map((entry) => placeEntry(entry, placeOf(entry)));
}

/** An entry of a token whose place is known. */
export const placeEntry = (entry: RoleEntry, place: Entity | undefined): PlacedEntry => ({
  ...bare(entry),
  grant: grantOf({ ...entry, subjectType: 'TOKEN' }),
  place,
});

/** Whether the caller may know of this role of a token: one of its own, or one on an entity whose tokens it may see. */
export function maySee(caller: Principal, tokenId: string, entry: PlacedEntry): boolean {
  return caller.id === tokenId || holds(caller, 'get', entry);
}

/** Whether the caller may do this with the roles that tokens have where this one is. */
export function holds(caller: Principal, verb: TokenVerb, entry: PlacedEntry): boolean {
  return entry.place !== undefined && allows(caller, tokenPermission(entry.entityType, verb), entry.place);
}

/** Where the token lives. */
export function homePlaceOf(token: StoredToken): Entity {
  return findHome(token)?.place ?? { organizationId: token.row.organizationId };
}

/** {@link maySee} for the database: `allows` asked about every entity the caller has a role on. */
export function sightOf(caller: Principal): TokenSight {
  return {
    selfId: caller.id,
    organization: reachOf(caller, 'organization.apiTokens.get').everywhere,
    workspace: reachOf(caller, 'workspace.apiTokens.get'),
    deployment: reachOf(caller, 'deployment.apiTokens.get'),
  };
}

/**
 * The token of a path with its roles, as far as the caller may know it. Agent tokens are not among them.
 * @param find `lockToken` to change it
 * @throws Problem `token_not_found` when it is not there, not the caller's business, or another organization's
 */
export async function getVisibleToken<D extends Db>(
  db: D,
  caller: Principal,
  target: { readonly organizationId: string; readonly tokenId: string },
  find: (db: D, organizationId: string, tokenId: string) => Promise<TokenRow | undefined>,
): Promise<StoredToken> {
  const isOurs = caller.organizationId === target.organizationId;
  const row = isOurs ? await find(db, target.organizationId, target.tokenId) : undefined;
  const [token] = row && row.kind !== 'AGENT' ? await loadTokens(db, row.organizationId, [row]) : [];
  const isVisible = token && (caller.id === token.row.id || token.entries.some((entry) => maySee(caller, token.row.id, entry)));
  if (!isVisible) throw new Problem('token_not_found');
  return token;
}

/**
 * @throws Problem `not_home_scope` when the caller holds the right only where the token is assigned, otherwise `permission_denied`
 */
export function demandAtHome(actor: Principal, token: StoredToken, verb: TokenVerb): void {
  const { row, entries } = token;
  const home = findHome(token);
  if (home && holds(actor, verb, home)) return;
  const place = describe({ entityType: row.homeScope, entityId: row.homeEntityId, deploymentId: '' });
  if (entries.some((entry) => holds(actor, verb, entry)))
    throw new Problem('not_home_scope', `The token lives in ${place}: ${verb} it there.`);
  throw denied(row.homeScope, verb, place);
}

/**
 * The subset rule: whoever touches a token holds every right that these roles of it give, where they give it.
 * A token never goes beyond itself.
 * @throws Problem `permission_denied`
 */
export function demandCovering(actor: Principal, tokenId: string | undefined, entries: readonly PlacedEntry[]): void {
  if (actor.id === tokenId) return;
  for (const entry of entries) {
    if (entry.place === undefined || covers(actor, [{ grant: entry.grant, entity: entry.place }])) continue;
    throw new Problem('permission_denied', `${entry.role} on ${describe(entry)} gives rights that the caller does not have there.`);
  }
}

const findHome = ({ row, entries }: StoredToken): PlacedEntry | undefined =>
  entries.find((entry) => entry.entityType === row.homeScope && entry.entityId === row.homeEntityId);

/** The answer to somebody who lacks a right on something it may see. */
export function denied(entityType: HomeScope, verb: TokenVerb, place: string): Problem {
  return new Problem('permission_denied', `Needs ${tokenPermission(entityType, verb)} on ${place}.`);
}
