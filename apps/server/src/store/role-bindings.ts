import type { Db, Tx } from './open.ts';
import type { RoleBindingRow } from './schema.ts';

type Entry = Pick<RoleBindingRow, 'entityType' | 'entityId' | 'deploymentId' | 'role'>;

/** The roles of each subject in the order they were given. Not asked of the database: `principals.ts` says why. */
export const inOrder = (bindings: readonly RoleBindingRow[]): RoleBindingRow[] => bindings.toSorted((a, b) => a.position - b.position);

/** The roles of these tokens, each token's in the order they were given. */
export async function listTokenBindings(db: Db, organizationId: string, tokenIds: readonly string[]): Promise<RoleBindingRow[]> {
  if (tokenIds.length === 0) return [];
  const bindings = await db
    .selectFrom('roleBinding')
    .selectAll()
    .where('organizationId', '=', organizationId)
    .where('subjectType', '=', 'TOKEN')
    .where('subjectId', 'in', tokenIds)
    .execute();
  return inOrder(bindings);
}

/** The roles that tokens from elsewhere hold on an entity, and on Dags in it. */
export async function listAssignments(
  db: Db,
  organizationId: string,
  entity: { entityType: 'WORKSPACE' | 'DEPLOYMENT'; entityId: string },
): Promise<RoleBindingRow[]> {
  return db
    .selectFrom('roleBinding')
    .selectAll()
    .where('organizationId', '=', organizationId)
    .where('subjectType', '=', 'TOKEN')
    .where((binding) =>
      binding.or([
        binding.and([binding('entityType', '=', entity.entityType), binding('entityId', '=', entity.entityId)]),
        ...(entity.entityType === 'DEPLOYMENT' ? [binding('deploymentId', '=', entity.entityId)] : []),
      ]),
    )
    .orderBy('subjectId')
    .orderBy('position')
    .execute();
}

/** Replaces every role of the token; `entries` come out in this order. */
export async function replaceTokenBindings(tx: Tx, organizationId: string, tokenId: string, entries: readonly Entry[]): Promise<void> {
  await tx
    .deleteFrom('roleBinding')
    .where('organizationId', '=', organizationId)
    .where('subjectType', '=', 'TOKEN')
    .where('subjectId', '=', tokenId)
    .execute();
  await insertTokenBindings(tx, organizationId, tokenId, entries);
}

export async function insertTokenBindings(tx: Tx, organizationId: string, tokenId: string, entries: readonly Entry[]): Promise<void> {
  if (entries.length === 0) return;
  const rows = entries.map(
    ({ entityType, entityId, deploymentId, role }, position): RoleBindingRow => ({
      organizationId,
      subjectType: 'TOKEN',
      subjectId: tokenId,
      entityType,
      entityId,
      deploymentId,
      role,
      position,
    }),
  );
  await tx.insertInto('roleBinding').values(rows).execute();
}
