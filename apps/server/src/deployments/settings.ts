/** What a Deployment only stores and echoes, so that existing clients find everything they sent and everything they expect. */
import type { CreateDeployment, FieldError, UpdateDeployment } from '@astrolabe/contract';
import { createId } from '../ids.ts';
import { Problem } from '../problem.ts';
import type { DeploymentRow } from '../store/schema.ts';

/** Fields that have a column or a table of their own. */
type Elsewhere = 'name' | 'workspaceId' | 'description' | 'airflowUrl' | 'environmentVariables';

type WorkerQueueSettings = NonNullable<CreateDeployment['workerQueues']>[number] & { readonly id: string };

/** Content of the column `settings`. */
export type DeploymentSettings = Omit<CreateDeployment, Elsewhere | 'workerQueues'> & {
  readonly workerQueues: readonly WorkerQueueSettings[];
};

export const settingsOf = (row: DeploymentRow): DeploymentSettings => JSON.parse(row.settings) as DeploymentSettings; // written by mergeSettings

/**
 * The settings after a request: what it leaves out stays as it is.
 * @throws Problem `invalid_request` for what cannot change, or makes no sense together
 */
export function mergeSettings(
  before: DeploymentSettings | undefined,
  input: CreateDeployment | UpdateDeployment,
  now: number,
): DeploymentSettings {
  const { name: _1, workspaceId: _2, description: _3, airflowUrl: _4, environmentVariables: _5, workerQueues, ...given } = input;
  if (before) refuseFixed(before, given);
  const queues = workerQueues?.length ? withIds(workerQueues, before?.workerQueues ?? [], now) : before?.workerQueues;
  const merged: DeploymentSettings = { ...before, ...given, workerQueues: queues ?? [{ ...defaultQueue, id: createId(now) }] };
  if ((merged.type ?? 'STANDARD') !== 'STANDARD' && merged.clusterId === undefined) {
    throw invalidField('clusterId', 'is required for Deployments that are not STANDARD');
  }
  return merged;
}

/** Every executor but Kubernetes has at least one queue, and clients read it without asking. */
const defaultQueue = { name: 'default', isDefault: true, minWorkerCount: 0, maxWorkerCount: 10, workerConcurrency: 5 };

/** One broken rule of one field, as validation reports it. */
export function invalidField(field: string, message: string): Problem {
  const fieldErrors: FieldError[] = [{ code: 'custom', field, message }];
  return new Problem('invalid_request', `${field}: ${message}`, { fieldErrors });
}

function refuseFixed(before: DeploymentSettings, given: Omit<DeploymentSettings, 'workerQueues'>): void {
  if (given.type !== undefined && given.type !== (before.type ?? 'STANDARD')) throw invalidField('type', 'cannot change');
  if (given.isDevelopmentMode === true && before.isDevelopmentMode !== true) {
    throw invalidField('isDevelopmentMode', 'can be turned on at creation only');
  }
}

/** A queue without an id is the one of that name, or a new one: Terraform never sends ids. */
function withIds(
  queues: NonNullable<CreateDeployment['workerQueues']>,
  before: readonly WorkerQueueSettings[],
  now: number,
): readonly WorkerQueueSettings[] {
  const names = queues.map((queue) => queue.name);
  if (new Set(names).size !== names.length) throw invalidField('workerQueues', 'two queues have the same name');
  if (!names.includes('default')) throw invalidField('workerQueues', 'one queue has to be called "default"');
  return queues.map((queue) => {
    const known = before.find(({ id, name }) => id === queue.id || (queue.id === undefined && name === queue.name));
    return { ...queue, id: known?.id ?? createId(now) };
  });
}
