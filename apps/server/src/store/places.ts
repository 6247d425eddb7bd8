import type { Db } from './open.ts';
import type { DeploymentRow } from './schema.ts';

/** A live Deployment and where it is. */
export type DeploymentPlace = Pick<DeploymentRow, 'id' | 'organizationId' | 'workspaceId' | 'name'>;

/** Which of these workspaces are in the organization and live. */
export async function listLiveWorkspaceIds(db: Db, organizationId: string, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await db
    .selectFrom('workspace')
    .select('id')
    .where('organizationId', '=', organizationId)
    .where('deletedAt', 'is', null)
    .where('id', 'in', ids)
    .execute();
  return rows.map((row) => row.id);
}

/** Which of these Deployments are in the organization and live. */
export async function listLiveDeployments(db: Db, organizationId: string, ids: readonly string[]): Promise<DeploymentPlace[]> {
  if (ids.length === 0) return [];
  return db
    .selectFrom('deployment')
    .select(['id', 'organizationId', 'workspaceId', 'name'])
    .where('organizationId', '=', organizationId)
    .where('deletedAt', 'is', null)
    .where('id', 'in', ids)
    .execute();
}

/** Live Deployments of the organization, or of one workspace in it, in id order. */
export async function listDeploymentPlaces(db: Db, organizationId: string, workspaceId?: string): Promise<DeploymentPlace[]> {
  let query = db
    .selectFrom('deployment')
    .select(['id', 'organizationId', 'workspaceId', 'name'])
    .where('organizationId', '=', organizationId)
    .where('deletedAt', 'is', null)
    .orderBy('id');
  if (workspaceId !== undefined) query = query.where('workspaceId', '=', workspaceId);
  return query.execute();
}
