/** Lists of roles as tokens hold them: what fits where. `reference/api.md` 2.1. */
import { builtInRoles, type Entity, type EntityType, findBuiltInRole, type HomeScope, type RoleScope } from '@astrolabe/policy';
import { Problem } from '../problem.ts';
import type { RoleBindingRow, TokenRow } from '../store/schema.ts';

/** One role on one entity. `deploymentId` is empty but for `DAG` and `DAG_TAG`, as in the database. */
export type RoleEntry = Pick<RoleBindingRow, 'entityType' | 'entityId' | 'deploymentId' | 'role'>;

type Home = Pick<TokenRow, 'homeScope' | 'homeEntityId' | 'organizationId'>;

const maxRoles = 1000;

/** A custom role for Dags fits a Dag and a tag. */
const scopeOf: { readonly [E in EntityType]: RoleScope } = {
  ORGANIZATION: 'ORGANIZATION',
  WORKSPACE: 'WORKSPACE',
  DEPLOYMENT: 'DEPLOYMENT',
  DAG: 'DAG',
  DAG_TAG: 'DAG',
};

const allowedAt: { readonly [H in HomeScope]: readonly EntityType[] } = {
  ORGANIZATION: ['ORGANIZATION', 'WORKSPACE', 'DEPLOYMENT', 'DAG', 'DAG_TAG'],
  WORKSPACE: ['WORKSPACE', 'DEPLOYMENT', 'DAG', 'DAG_TAG'],
  DEPLOYMENT: ['DEPLOYMENT', 'DAG', 'DAG_TAG'],
};

/** What a subject can hold one role on; two entries with the same key are about the same thing. */
export const keyOf = ({ entityType, entityId, deploymentId }: Omit<RoleEntry, 'role'>): string =>
  JSON.stringify([entityType, deploymentId, entityId]);

/** The entry without whatever else is known about it. */
export const bare = ({ entityType, entityId, deploymentId, role }: RoleEntry): RoleEntry => ({ entityType, entityId, deploymentId, role });

/** The entry in words, for people. */
export function describe({ entityType, entityId, deploymentId }: Omit<RoleEntry, 'role'>): string {
  switch (entityType) {
    case 'ORGANIZATION':
      return `organization ${entityId}`;
    case 'WORKSPACE':
      return `workspace ${entityId}`;
    case 'DEPLOYMENT':
      return `Deployment ${entityId}`;
    case 'DAG':
      return `Dag ${JSON.stringify(entityId)} of Deployment ${deploymentId}`;
    case 'DAG_TAG':
      return `Dag tag ${JSON.stringify(entityId)} of Deployment ${deploymentId}`;
  }
}

/** @throws Problem `role_unknown` when no role of exactly this name is for this kind of entity */
export function checkRole(entry: RoleEntry): void {
  if (findBuiltInRole(entry.role)?.scope === scopeOf[entry.entityType]) return;
  const names = Object.values(builtInRoles).flatMap(({ name, scope }) => (scope === scopeOf[entry.entityType] ? [name] : []));
  throw new Problem(
    'role_unknown',
    `There is no role ${JSON.stringify(entry.role)} for ${entry.entityType} entries; there are ${names.join(', ')}.`,
  );
}

/**
 * Checks the whole list that a token would hold against its home scope. Existing clients check the same before they ask.
 * @param entries with the place of each entity, where there still is one
 * @throws Problem `role_set_invalid` with the rule that is broken
 */
export function checkRoleSet(home: Home, entries: readonly (RoleEntry & { readonly place: Entity | undefined })[]): void {
  if (entries.length > maxRoles) throw invalid(`A token holds at most ${maxRoles} roles.`);
  const keys = new Set<string>();
  for (const entry of entries) {
    if (!allowedAt[home.homeScope].includes(entry.entityType)) {
      throw invalid(`A token of scope ${home.homeScope} holds no ${entry.entityType} role.`);
    }
    if (keys.size === keys.add(keyOf(entry)).size) throw invalid(`There is more than one role on ${describe(entry)}.`);
    if (entry.place && !isInside(home, entry.place))
      throw invalid(`${describe(entry)} is outside the home of the token, ${home.homeEntityId}.`);
  }
  const own = entries.filter((entry) => entry.entityType === home.homeScope);
  if (own.length !== 1 || own[0]?.entityId !== home.homeEntityId) {
    throw invalid(`A token of scope ${home.homeScope} needs exactly one ${home.homeScope} role, on ${home.homeEntityId}.`);
  }
}

function isInside({ homeScope, homeEntityId }: Home, place: Entity): boolean {
  if (homeScope === 'WORKSPACE') return place.workspaceId === homeEntityId;
  return homeScope === 'ORGANIZATION' || place.deploymentId === homeEntityId;
}

const invalid = (detail: string): Problem => new Problem('role_set_invalid', detail);
