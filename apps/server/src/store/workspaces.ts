import type { Sort } from '@astrolabe/contract';
import type { Db, Tx } from './open.ts';
import type { WorkspaceRow } from './schema.ts';

/** What a change of a workspace may set. */
export type WorkspaceChange = Pick<
  WorkspaceRow,
  'name' | 'description' | 'cicdEnforcedDefault' | 'settings' | 'updatedAt' | 'updatedBy' | 'updatedByType'
>;

/** Which workspaces a list is about; an absent filter lets everything through, an empty one nothing. */
export interface WorkspaceFilter {
  readonly organizationId: string;
  /** The ones the caller may see; absent: all. */
  readonly visibleIds?: readonly string[];
  readonly ids?: readonly string[];
  readonly names?: readonly string[];
}

export async function insertWorkspace(tx: Tx, row: WorkspaceRow): Promise<void> {
  await tx.insertInto('workspace').values(row).execute();
}

/** Undefined when it is not in this organization or was deleted. */
export async function findWorkspace(db: Db, organizationId: string, workspaceId: string): Promise<WorkspaceRow | undefined> {
  return db
    .selectFrom('workspace')
    .selectAll()
    .where('organizationId', '=', organizationId)
    .where('id', '=', workspaceId)
    .where('deletedAt', 'is', null)
    .executeTakeFirst();
}

/** The same under its row lock: until this transaction ends nobody else changes it, deletes it or puts a Deployment in it. */
export async function lockWorkspace(tx: Tx, organizationId: string, workspaceId: string): Promise<WorkspaceRow | undefined> {
  return tx
    .updateTable('workspace')
    .set((row) => ({ updatedAt: row.ref('updatedAt') })) // an update of nothing is the lock that both databases have
    .where('organizationId', '=', organizationId)
    .where('id', '=', workspaceId)
    .where('deletedAt', 'is', null)
    .returningAll()
    .executeTakeFirst();
}

/** One page, and how many there are in all. Without an order the newest come first. */
export async function listWorkspaces(
  db: Db,
  filter: WorkspaceFilter,
  sorts: readonly Sort<'name' | 'createdAt' | 'updatedAt'>[],
  page: { readonly limit: number; readonly offset: number },
): Promise<{ rows: WorkspaceRow[]; totalCount: number }> {
  const { visibleIds, ids, names } = filter;
  if ([visibleIds, ids, names].some((list) => list?.length === 0)) return { rows: [], totalCount: 0 };
  let query = db.selectFrom('workspace').where('organizationId', '=', filter.organizationId).where('deletedAt', 'is', null);
  if (visibleIds) query = query.where('id', 'in', visibleIds);
  if (ids) query = query.where('id', 'in', ids);
  if (names) query = query.where('name', 'in', names);
  const { count } = await query.select((row) => row.fn.countAll<number>().as('count')).executeTakeFirstOrThrow();
  let ordered = query.selectAll();
  for (const { field, direction } of sorts) ordered = ordered.orderBy(field, direction);
  if (sorts.length === 0) ordered = ordered.orderBy('createdAt', 'desc');
  const rows = await ordered.orderBy('id', 'desc').limit(page.limit).offset(page.offset).execute();
  return { rows, totalCount: count };
}

/** Names of these workspaces, deleted ones too. */
export async function listWorkspaceNames(db: Db, organizationId: string, ids: readonly string[]): Promise<{ id: string; name: string }[]> {
  if (ids.length === 0) return [];
  return db.selectFrom('workspace').select(['id', 'name']).where('organizationId', '=', organizationId).where('id', 'in', ids).execute();
}

export async function updateWorkspace(tx: Tx, workspace: WorkspaceRow, change: WorkspaceChange): Promise<WorkspaceRow> {
  return tx
    .updateTable('workspace')
    .set(change)
    .where('organizationId', '=', workspace.organizationId)
    .where('id', '=', workspace.id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** Hides the workspace from everything; its row stays for the audit trail. */
export async function markWorkspaceDeleted(tx: Tx, workspace: WorkspaceRow, at: number): Promise<void> {
  await tx
    .updateTable('workspace')
    .set({ deletedAt: at })
    .where('organizationId', '=', workspace.organizationId)
    .where('id', '=', workspace.id)
    .execute();
}
