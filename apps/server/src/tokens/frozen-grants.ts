import { catalogueVersion, encodePermissions, levelOf, type Permission } from '@astrolabe/policy';
import type { FrozenGrants } from '@astrolabe/verify';
import type { DeploymentPlace } from '../store/places.ts';
import type { PlacedEntry } from './sight.ts';

/**
 * What a direct access token may do from now to its end, per Deployment it reaches now: a Deployment made later, or a right
 * added later, is not in it (design section 4). Rights above a Deployment are no business of a gateway and left out.
 */
export function freezeGrants(entries: readonly PlacedEntry[], deployments: readonly DeploymentPlace[]): FrozenGrants {
  const frozen = deployments.flatMap((deployment) => {
    const wide = new Set<Permission>();
    const dags: Record<string, string> = Object.create(null); // Dag ids are anybody's text, `__proto__` included
    const dagTags: Record<string, string> = Object.create(null);
    for (const { entityType, entityId, deploymentId, grant } of entries) {
      const usable = [...grant.permissions].filter((permission) => ['deployment', 'dag'].includes(levelOf(permission)));
      if (entityType === 'DAG' && deploymentId === deployment.id) dags[entityId] = encodePermissions(usable);
      else if (entityType === 'DAG_TAG' && deploymentId === deployment.id) dagTags[entityId] = encodePermissions(usable);
      else if (isAbove(entityType, entityId, deployment)) for (const permission of usable) wide.add(permission);
    }
    const members = {
      ...(wide.size > 0 ? { permissions: encodePermissions(wide) } : {}),
      ...(Object.keys(dags).length > 0 ? { dags } : {}),
      ...(Object.keys(dagTags).length > 0 ? { dagTags } : {}),
    };
    return Object.keys(members).length > 0 ? [[deployment.id, members] as const] : [];
  });
  return { version: catalogueVersion, deployments: Object.fromEntries(frozen) };
}

function isAbove(entityType: PlacedEntry['entityType'], entityId: string, deployment: DeploymentPlace): boolean {
  if (entityType === 'ORGANIZATION') return entityId === deployment.organizationId;
  if (entityType === 'WORKSPACE') return entityId === deployment.workspaceId;
  return entityType === 'DEPLOYMENT' && entityId === deployment.id;
}
