/**
 * The one decision. Roles add up, nothing denies: suspension, blocks and address lists are asked before roles.
 * Inheritance runs organization → workspace → Deployment → Dag, and only downwards.
 */
import type { FrozenGrants } from '@astrolabe/verify';
import { hasBit } from './bits.ts';
import { levelOf, type Permission, type PermissionLevel } from './catalogue.ts';
import { expand } from './implications.ts';

export type EntityType = 'ORGANIZATION' | 'WORKSPACE' | 'DEPLOYMENT' | 'DAG' | 'DAG_TAG';

/** Level a token lives at. */
export type HomeScope = 'ORGANIZATION' | 'WORKSPACE' | 'DEPLOYMENT';

/** Where something is. Every level above it is filled in, so that inheritance is decided without a look-up. */
export interface Entity {
  readonly organizationId: string;
  readonly workspaceId?: string;
  readonly deploymentId?: string;
  readonly dagId?: string;
  /** Tags of the Dag as Airflow has them now. */
  readonly dagTags?: readonly string[];
}

/** A role on an entity, its permissions expanded. For `DAG` and `DAG_TAG`, `deploymentId` says where they live. */
export interface Grant {
  readonly entityType: EntityType;
  readonly entityId: string;
  readonly deploymentId?: string;
  readonly permissions: ReadonlySet<Permission>;
}

/** A principal, a token: anything that holds roles. */
export interface Holder {
  readonly grants: readonly Grant[];
}

/** What can be given at each level: the rights of this level and of those below. */
const givable: { readonly [E in EntityType]: ReadonlySet<PermissionLevel> } = {
  ORGANIZATION: new Set(['organization', 'workspace', 'deployment', 'dag']),
  WORKSPACE: new Set(['workspace', 'deployment', 'dag']),
  DEPLOYMENT: new Set(['deployment', 'dag']),
  DAG: new Set(['dag']),
  DAG_TAG: new Set(['dag']),
};

/**
 * Whether `holder` may do this on `entity`.
 *
 * Ask about the stored object, with all its levels. A Dag right is asked as `dag.airflow.…` with `dagId`: who holds it on
 * the Deployment, the workspace or the organization holds it on every Dag. Asked without `dagId` it means every Dag.
 */
export function allows(holder: Holder, permission: Permission, entity: Entity): boolean {
  return holder.grants.some((grant) => grant.permissions.has(permission) && reaches(grant, entity) && gives(grant, permission));
}

/**
 * The subset rule: whether `holder` may give `grants` away. Every right of each grant has to be held at the grant's
 * own entity or above it; a tag right needs the Deployment-wide one, and a Dag right that is held by way of a tag does not
 * count, because tags move. So a holder of tag rights does not cover itself.
 *
 * @param grants each with the place of its entity; a place that names another entity than its grant is a no
 */
export function covers(holder: Holder, grants: readonly { readonly grant: Grant; readonly entity: Entity }[]): boolean {
  return grants.every(({ grant, entity }) => {
    const place = placeOf(grant, entity);
    return place !== undefined && [...grant.permissions].every((permission) => allows(holder, permission, place));
  });
}

/** A role's rights on an entity, expanded and cut down to what can be given at that level. */
export function grantOf(
  role: { readonly permissions: readonly Permission[] },
  entityType: EntityType,
  entityId: string,
  deploymentId?: string,
): Grant {
  const permissions = new Set([...expand(role.permissions)].filter((permission) => givable[entityType].has(levelOf(permission))));
  return { entityType, entityId, ...(deploymentId === undefined ? {} : { deploymentId }), permissions };
}

/**
 * Whether the grants frozen in a direct access token allow it. Only rights on a Deployment and below are ever frozen.
 * It says nothing about the live state, which has to allow it too.
 */
export function covered(grants: FrozenGrants, permission: Permission, entity: Entity): boolean {
  const frozen = ownValue(grants.deployments, entity.deploymentId);
  if (frozen === undefined) return false;
  const names = (set: string | undefined): boolean => set !== undefined && hasBit(set, grants.version, permission);
  const level = levelOf(permission);
  if (givable.DEPLOYMENT.has(level) && names(frozen.permissions)) return true;
  if (level !== 'dag' || entity.dagId === undefined) return false;
  if (names(ownValue(frozen.dags, entity.dagId))) return true;
  return (entity.dagTags ?? []).some((tag) => names(ownValue(frozen.dagTags, tag)));
}

function gives(grant: Grant, permission: Permission): boolean {
  return givable[grant.entityType].has(levelOf(permission));
}

function reaches(grant: Grant, entity: Entity): boolean {
  switch (grant.entityType) {
    case 'ORGANIZATION':
      return grant.entityId === entity.organizationId;
    case 'WORKSPACE':
      return grant.entityId === entity.workspaceId;
    case 'DEPLOYMENT':
      return grant.entityId === entity.deploymentId;
    case 'DAG':
      return livesIn(grant, entity) && grant.entityId === entity.dagId;
    case 'DAG_TAG':
      return livesIn(grant, entity) && entity.dagId !== undefined && (entity.dagTags ?? []).includes(grant.entityId);
    default:
      return false; // a stored entity type that this version does not know
  }
}

function livesIn(grant: Grant, entity: Entity): boolean {
  return grant.deploymentId !== undefined && grant.deploymentId === entity.deploymentId;
}

/** The exact place of the grant, nothing narrower: a wide grant is not judged by a narrow entity. */
function placeOf(grant: Grant, { organizationId, workspaceId, deploymentId }: Entity): Entity | undefined {
  const inWorkspace = { organizationId, ...(workspaceId === undefined ? {} : { workspaceId }) };
  const inDeployment = { ...inWorkspace, ...(deploymentId === undefined ? {} : { deploymentId }) };
  switch (grant.entityType) {
    case 'ORGANIZATION':
      return grant.entityId === organizationId ? { organizationId } : undefined;
    case 'WORKSPACE':
      return grant.entityId === workspaceId ? inWorkspace : undefined;
    case 'DEPLOYMENT':
      return grant.entityId === deploymentId ? inDeployment : undefined;
    case 'DAG':
      return livesIn(grant, inDeployment) ? { ...inDeployment, dagId: grant.entityId } : undefined;
    case 'DAG_TAG':
      return livesIn(grant, inDeployment) ? inDeployment : undefined;
    default:
      return undefined;
  }
}

function ownValue<V>(object: { readonly [key: string]: V } | undefined, key: string | undefined): V | undefined {
  return object !== undefined && key !== undefined && Object.hasOwn(object, key) ? object[key] : undefined;
}
