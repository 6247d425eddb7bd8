import { allows, type Permission } from '@astrolabe/policy';
import type { Principal } from '../deps.ts';

/** Where in its organization a caller holds a right: everywhere, or in these workspaces and on these Deployments. */
export interface Reach {
  readonly everywhere: boolean;
  readonly workspaceIds: readonly string[];
  readonly deploymentIds: readonly string[];
}

/** What a list may show: `allows` asked about every entity the caller has a role on, so that the database can filter. */
export function reachOf(caller: Principal, permission: Permission): Reach {
  const { organizationId } = caller;
  const idsOf = (type: 'WORKSPACE' | 'DEPLOYMENT'): string[] =>
    caller.grants.filter((grant) => grant.entityType === type).map((grant) => grant.entityId);
  return {
    everywhere: allows(caller, permission, { organizationId }),
    workspaceIds: idsOf('WORKSPACE').filter((workspaceId) => allows(caller, permission, { organizationId, workspaceId })),
    deploymentIds: idsOf('DEPLOYMENT').filter((deploymentId) => allows(caller, permission, { organizationId, deploymentId })),
  };
}
