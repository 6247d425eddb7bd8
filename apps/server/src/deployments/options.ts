import type { DeploymentOptions } from '@astrolabe/contract';
import type { Deps, Principal } from '../deps.ts';
import { getOrganizationRow } from '../organizations/organizations.ts';
import { podDefaults, runtimeReleases, schedulerMachines, workerMachines } from './machines.ts';

const concurrency = { floor: 1, ceiling: 64, default: 5 };

/** The same for everybody: a Deployment here is an Airflow that someone runs, so there is nothing to choose from. */
const options: DeploymentOptions = {
  executors: ['CELERY', 'KUBERNETES', 'ASTRO'],
  runtimeReleases: runtimeReleases.map((release) => ({
    ...release,
    channel: 'stable',
    airflowDatabaseMigration: true,
    stellarDatabaseMigration: false,
  })),
  schedulerMachines: Object.entries(schedulerMachines).map(([name, spec]) => ({ name, spec })),
  workerMachines: Object.entries(workerMachines).map(([name, spec]) => ({ name, spec, concurrency })),
  workerQueues: {
    minWorkers: { floor: 0, ceiling: 100, default: 0 },
    maxWorkers: { floor: 1, ceiling: 200, default: 10 },
    workerConcurrency: concurrency,
  },
  resourceQuotas: {
    defaultPodSize: quantities(podDefaults.pod, { cpu: '0.25', memory: '0.5Gi' }, { cpu: '8', memory: '16Gi' }),
    resourceQuota: quantities(podDefaults.quota, { cpu: '1', memory: '2Gi' }, { cpu: '1600', memory: '3200Gi' }),
  },
  workloadIdentityOptions: [],
};

export async function getDeploymentOptions(deps: Deps, caller: Principal, organizationId: string): Promise<DeploymentOptions> {
  await getOrganizationRow(deps.read, caller, organizationId);
  return options;
}

interface Size {
  readonly cpu: string;
  readonly memory: string;
}

function quantities(usual: Size, floor: Size, ceiling: Size): DeploymentOptions['resourceQuotas']['resourceQuota'] {
  return {
    cpu: { floor: floor.cpu, ceiling: ceiling.cpu, default: usual.cpu },
    memory: { floor: floor.memory, ceiling: ceiling.memory, default: usual.memory },
  };
}
