/** A Deployment in the words of the wire. Existing clients crash on a missing field, so everything has a sensible value. */
import type { Deployment } from '@astrolabe/contract';
import { toInstant } from '../instants.ts';
import { creatorOf, type Profiles, updaterOf } from '../members/profiles.ts';
import type { DeploymentRow, EnvironmentVariableRow } from '../store/schema.ts';
import { podDefaults, runtimeReleases, schedulerMachines, workerMachines } from './machines.ts';
import { namespaceOf } from './namespace.ts';
import { type DeploymentSettings, settingsOf } from './settings.ts';
import { variableView } from './variables.ts';

/** What a view needs beside the row. */
export interface ViewContext {
  readonly workspaceName: string;
  readonly profiles: Profiles;
  /** Empty for a caller who may not see them. */
  readonly variables: readonly EnvironmentVariableRow[];
}

const defaultScheduler = { au: 5, replicas: 1 };

export function deploymentView(row: DeploymentRow, { workspaceName, profiles, variables }: ViewContext): Deployment {
  const settings = settingsOf(row);
  const runtimeVersion = settings.astroRuntimeVersion ?? runtimeReleases[0].version;
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    status: 'HEALTHY', // clients wait for this word; whether Airflow is well, its gateway knows
    ...(row.gatewayUrl ? {} : { statusReason: 'No gateway is enrolled yet.' }),
    organizationId: row.organizationId,
    workspaceId: row.workspaceId,
    workspaceName,
    namespace: namespaceOf(row.id),
    ...addresses(row),
    airflowVersion: row.airflowVersion ?? 'NA',
    astroRuntimeVersion: runtimeVersion,
    runtimeVersion,
    ...image(row),
    ...size(settings),
    ...place(settings),
    contactEmails: settings.contactEmails ?? [],
    environmentVariables: variables.map(variableView),
    ...features(settings, row),
    createdAt: toInstant(row.createdAt),
    createdBy: profiles(creatorOf(row)),
    updatedAt: toInstant(row.updatedAt),
    updatedBy: profiles(updaterOf(row)),
  };
}

/**
 * Addresses for programs name the gateway or nothing: a client must not carry its token past it (design section 8). Those
 * for people name Airflow. Empty rather than absent: clients demand a text.
 */
function addresses(row: DeploymentRow) {
  const api = row.gatewayUrl ? `${row.gatewayUrl}/api/${row.airflowVersion?.startsWith('2.') ? 'v1' : 'v2'}` : '';
  const ui = row.airflowUrl ?? '';
  return {
    ...(row.airflowUrl ? { airflowUrl: row.airflowUrl } : {}),
    ...(row.gatewayUrl ? { gatewayUrl: row.gatewayUrl } : {}),
    apiUrl: api,
    uiUrl: ui,
    webServerUrl: withoutScheme(ui),
    webServerAirflowApiUrl: withoutScheme(api),
    webServerIngressHostname: URL.parse(row.gatewayUrl ?? ui)?.hostname ?? '',
  };
}

/** There is no image registry. Clients sign in to the host they read here, so it is one that can never exist (RFC 2606). */
const image = (row: DeploymentRow) => ({ imageRepository: `registry.invalid/${row.organizationId}/${row.id}`, imageTag: 'none' });

function size(settings: DeploymentSettings) {
  const { type = 'STANDARD', executor = 'CELERY' } = settings;
  const webServer = { webServerCpu: '1', webServerMemory: '2Gi' };
  const common = { type, executor, ...webServer, ...queues(settings, type, executor) };
  if (type === 'HYBRID') {
    const { au, replicas } = settings.scheduler ?? defaultScheduler;
    const cpu = au / 10; // one unit is a tenth of a core and 0.375 GiB
    return {
      ...common,
      schedulerAu: au,
      schedulerCpu: String(cpu),
      schedulerMemory: `${au * 0.375}Gi`,
      schedulerReplicas: replicas,
      ...(settings.taskPodNodePoolId ? { taskPodNodePoolId: settings.taskPodNodePoolId } : {}),
    };
  }
  const schedulerSize = settings.schedulerSize ?? 'SMALL';
  const { cpu, memory } = schedulerMachines[schedulerSize];
  return {
    ...common,
    schedulerSize,
    schedulerCpu: cpu,
    schedulerMemory: memory,
    schedulerReplicas: settings.isHighAvailability ? 2 : 1,
    defaultTaskPodCpu: settings.defaultTaskPodCpu ?? podDefaults.pod.cpu,
    defaultTaskPodMemory: settings.defaultTaskPodMemory ?? podDefaults.pod.memory,
    resourceQuotaCpu: settings.resourceQuotaCpu ?? podDefaults.quota.cpu,
    resourceQuotaMemory: settings.resourceQuotaMemory ?? podDefaults.quota.memory,
  };
}

/** Kubernetes has none, whatever was stored before. */
function queues(
  { workerQueues }: DeploymentSettings,
  type: Deployment['type'],
  executor: Deployment['executor'],
): Pick<Deployment, 'workerQueues'> {
  if (executor === 'KUBERNETES') return {};
  return {
    workerQueues: workerQueues.map((queue) => {
      const machine = type === 'HYBRID' ? undefined : (queue.astroMachine ?? 'A5');
      const { cpu: podCpu, memory: podMemory } = workerMachines[machine ?? 'A5'];
      const where = machine ? { astroMachine: machine } : { nodePoolId: queue.nodePoolId ?? 'default' };
      const { astroMachine: _1, nodePoolId: _2, ...rest } = queue;
      return { ...rest, ...where, podCpu, podMemory };
    }),
  };
}

/** A standard Deployment shows no cluster: clients would ask for it. */
function place({ type = 'STANDARD', clusterId, cloudProvider, region }: DeploymentSettings) {
  return {
    ...(type === 'STANDARD' || !clusterId ? {} : { clusterId, clusterName: clusterId }),
    ...(cloudProvider ? { cloudProvider } : {}),
    ...(region ? { region } : {}),
  };
}

/** Absent rather than empty where clients would see a difference to what they configured (`reference/api.md` 4.5). */
function features(settings: DeploymentSettings, row: DeploymentRow) {
  const { remoteExecution, scalingSpec, workloadIdentity, drWorkloadIdentity } = settings;
  const hibernation = scalingSpec?.hibernationSpec;
  const { schedules, override } = hibernation ?? {};
  const hasHibernation = (schedules?.length ?? 0) > 0 || override !== undefined;
  return {
    isCicdEnforced: settings.isCicdEnforced ?? false,
    isDagDeployEnabled: settings.isDagDeployEnabled ?? false,
    isHighAvailability: settings.isHighAvailability ?? false,
    isDevelopmentMode: settings.isDevelopmentMode ?? false,
    ...(hasHibernation
      ? {
          scalingSpec: {
            hibernationSpec: { ...(schedules ? { schedules } : {}), ...(override ? { override: { isActive: true, ...override } } : {}) },
          },
        }
      : {}),
    ...(remoteExecution?.enabled
      ? {
          remoteExecution: {
            ...remoteExecution,
            allowedIpAddressRanges: remoteExecution.allowedIpAddressRanges ?? [],
            remoteApiUrl: row.gatewayUrl ?? '',
          },
        }
      : {}),
    ...(workloadIdentity ? { workloadIdentity, effectiveWorkloadIdentity: workloadIdentity } : {}),
    ...(drWorkloadIdentity ? { drWorkloadIdentity, effectiveDRWorkloadIdentity: drWorkloadIdentity } : {}),
  };
}

const withoutScheme = (url: string): string => url.replace(/^https?:\/\//, '');
