/** Environment variables of a Deployment. Secret values are sealed, each for its own row, and never leave the server again. */
import type { EnvironmentVariable, EnvironmentVariableRequest } from '@astrolabe/contract';
import type { Deps } from '../deps.ts';
import { toInstant } from '../instants.ts';
import { listEnvironmentVariables, replaceEnvironmentVariables } from '../store/environment-variables.ts';
import type { Tx } from '../store/open.ts';
import type { EnvironmentVariableRow } from '../store/schema.ts';
import { invalidField } from './settings.ts';

type Place = { readonly organizationId: string; readonly deploymentId: string };

/** Keys that a change added, removed or gave another value: what the audit trail may know. */
export interface VariableChanges {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

/**
 * Makes `requested` the complete list. A secret without value keeps the stored one: clients read the list and send it back
 * with one entry more, and secrets come without their value (`reference/api.md` 3.3).
 * @throws Problem `invalid_request` for a secret that has no value yet
 */
export async function replaceVariables(
  deps: Pick<Deps, 'sealing'>,
  tx: Tx,
  place: Place,
  requested: readonly EnvironmentVariableRequest[],
  at: number,
): Promise<VariableChanges> {
  const before = new Map((await listEnvironmentVariables(tx, place.organizationId, [place.deploymentId])).map((row) => [row.key, row]));
  const rows = requested.map((variable, index) => rowOf(deps, place, variable, before.get(variable.key), { index, at }));
  await replaceEnvironmentVariables(tx, place, rows);
  const keys = new Set(requested.map((variable) => variable.key));
  return {
    added: rows.filter((row) => !before.has(row.key)).map((row) => row.key),
    removed: [...before.keys()].filter((key) => !keys.has(key)),
    changed: rows.filter((row) => before.has(row.key) && before.get(row.key) !== row).map((row) => row.key),
  };
}

/** As answered: a secret has no value. */
export const variableView = (row: EnvironmentVariableRow): EnvironmentVariable => ({
  key: row.key,
  ...(row.isSecret === 1 ? {} : { value: row.value }),
  isSecret: row.isSecret === 1,
  updatedAt: toInstant(row.updatedAt),
});

/** @returns the row before itself when nothing about it changes */
function rowOf(
  deps: Pick<Deps, 'sealing'>,
  place: Place,
  variable: EnvironmentVariableRequest,
  before: EnvironmentVariableRow | undefined,
  { index, at }: { index: number; at: number },
): EnvironmentVariableRow {
  const { key, isSecret } = variable;
  const context = `environment_variable:${place.deploymentId}:${key}`; // a sealed value cannot be moved to another row
  const plainBefore = before && (before.isSecret === 1 ? deps.sealing.open(before.value, context) : before.value);
  if (variable.value === undefined && (isSecret ? before === undefined : before?.isSecret === 1)) {
    throw invalidField(
      `environmentVariables.${index}.value`,
      isSecret ? 'a new secret needs a value' : 'a secret becomes public only with a new value',
    );
  }
  const plain = variable.value ?? (isSecret ? plainBefore : '') ?? '';
  if (before && plain === plainBefore && before.isSecret === Number(isSecret)) return before;
  return { ...place, key, value: isSecret ? deps.sealing.seal(plain, context) : plain, isSecret: Number(isSecret), updatedAt: at };
}
