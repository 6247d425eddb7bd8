import type { Db, Tx } from './open.ts';
import type { EnvironmentVariableRow } from './schema.ts';

/** The variables of these Deployments by key; secret values are sealed. */
export async function listEnvironmentVariables(
  db: Db,
  organizationId: string,
  deploymentIds: readonly string[],
): Promise<EnvironmentVariableRow[]> {
  if (deploymentIds.length === 0) return [];
  return db
    .selectFrom('environmentVariable')
    .selectAll()
    .where('organizationId', '=', organizationId)
    .where('deploymentId', 'in', deploymentIds)
    .orderBy('deploymentId')
    .orderBy('key')
    .execute();
}

/** Makes `rows` the complete list of a Deployment's variables. */
export async function replaceEnvironmentVariables(
  tx: Tx,
  place: { readonly organizationId: string; readonly deploymentId: string },
  rows: readonly EnvironmentVariableRow[],
): Promise<void> {
  await tx
    .deleteFrom('environmentVariable')
    .where('organizationId', '=', place.organizationId)
    .where('deploymentId', '=', place.deploymentId)
    .execute();
  for (const row of rows) await tx.insertInto('environmentVariable').values(row).execute();
}
