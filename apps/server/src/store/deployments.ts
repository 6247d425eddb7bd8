import type { Sort } from '@astrolabe/contract';
import type { Db, Tx } from './open.ts';
import type { DeploymentRow } from './schema.ts';

/** What a change of a Deployment may set. */
export type DeploymentChange = Partial<
  Pick<DeploymentRow, 'name' | 'description' | 'airflowUrl' | 'gatewayUrl' | 'airflowVersion' | 'settings'>
> &
  Pick<DeploymentRow, 'updatedAt' | 'updatedBy' | 'updatedByType'>;

/** Which Deployments a list is about; an absent filter lets everything through, an empty one nothing. */
export interface DeploymentFilter {
  readonly organizationId: string;
  /** The ones the caller may see: those in these workspaces and these themselves; absent: all. */
  readonly visible?: { readonly workspaceIds: readonly string[]; readonly deploymentIds: readonly string[] };
  readonly ids?: readonly string[];
  readonly names?: readonly string[];
  readonly workspaceIds?: readonly string[];
}

export async function insertDeployment(tx: Tx, row: DeploymentRow): Promise<void> {
  await tx.insertInto('deployment').values(row).execute();
}

/** Undefined when it is not in this organization or was deleted. */
export async function findDeployment(db: Db, organizationId: string, deploymentId: string): Promise<DeploymentRow | undefined> {
  return db
    .selectFrom('deployment')
    .selectAll()
    .where('organizationId', '=', organizationId)
    .where('id', '=', deploymentId)
    .where('deletedAt', 'is', null)
    .executeTakeFirst();
}

/** The same under its row lock: nobody else changes it before this transaction ends. */
export async function lockDeployment(tx: Tx, organizationId: string, deploymentId: string): Promise<DeploymentRow | undefined> {
  return tx
    .updateTable('deployment')
    .set((row) => ({ updatedAt: row.ref('updatedAt') })) // an update of nothing is the lock that both databases have
    .where('organizationId', '=', organizationId)
    .where('id', '=', deploymentId)
    .where('deletedAt', 'is', null)
    .returningAll()
    .executeTakeFirst();
}

/** One page, and how many there are in all. Without an order the newest come first. */
export async function listDeployments(
  db: Db,
  filter: DeploymentFilter,
  sorts: readonly Sort<'name' | 'createdAt' | 'updatedAt'>[],
  page: { readonly limit: number; readonly offset: number },
): Promise<{ rows: DeploymentRow[]; totalCount: number }> {
  const { visible, ids, names, workspaceIds } = filter;
  const seesNothing = visible && visible.workspaceIds.length + visible.deploymentIds.length === 0;
  if (seesNothing || [ids, names, workspaceIds].some((list) => list?.length === 0)) return { rows: [], totalCount: 0 };
  let query = db.selectFrom('deployment').where('organizationId', '=', filter.organizationId).where('deletedAt', 'is', null);
  if (visible) {
    query = query.where((deployment) =>
      deployment.or([
        ...(visible.workspaceIds.length > 0 ? [deployment('workspaceId', 'in', visible.workspaceIds)] : []),
        ...(visible.deploymentIds.length > 0 ? [deployment('id', 'in', visible.deploymentIds)] : []),
      ]),
    );
  }
  if (ids) query = query.where('id', 'in', ids);
  if (names) query = query.where('name', 'in', names);
  if (workspaceIds) query = query.where('workspaceId', 'in', workspaceIds);
  const { count } = await query.select((row) => row.fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
  let ordered = query.selectAll();
  for (const { field, direction } of sorts) ordered = ordered.orderBy(field, direction);
  if (sorts.length === 0) ordered = ordered.orderBy('createdAt', 'desc');
  const rows = await ordered.orderBy('id', 'desc').limit(page.limit).offset(page.offset).execute();
  return { rows, totalCount: count };
}

/** How many Deployments a workspace has. */
export async function countDeployments(db: Db, organizationId: string, workspaceId: string): Promise<number> {
  const { count } = await db
    .selectFrom('deployment')
    .select((row) => row.fn.countAll<number>().as('count'))
    .where('organizationId', '=', organizationId)
    .where('workspaceId', '=', workspaceId)
    .where('deletedAt', 'is', null)
    .executeTakeFirstOrThrow();
  return count;
}

export async function updateDeployment(tx: Tx, deployment: DeploymentRow, change: DeploymentChange): Promise<void> {
  await tx
    .updateTable('deployment')
    .set(change)
    .where('organizationId', '=', deployment.organizationId)
    .where('id', '=', deployment.id)
    .execute();
}

/** Hides the Deployment from everything but its feed, which still has to tell its gateway. */
export async function markDeploymentDeleted(tx: Tx, deployment: DeploymentRow, at: number): Promise<void> {
  await tx
    .updateTable('deployment')
    .set({ deletedAt: at })
    .where('organizationId', '=', deployment.organizationId)
    .where('id', '=', deployment.id)
    .execute();
}
