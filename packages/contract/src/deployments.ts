/**
 * Deployments. One request schema takes the fields of all three published shapes (standard, dedicated, hybrid); most of
 * them are stored and echoed only. What we add is `airflowUrl` and `gatewayUrl`.
 */
import { z } from 'zod';
import {
  DeploymentExecutor,
  DeploymentType,
  EnvironmentVariable,
  EnvironmentVariableRequest,
  RemoteExecution,
  RemoteExecutionRequest,
  ScalingSpec,
  ScalingSpecRequest,
  ScalingStatus,
  Scheduler,
  SchedulerSize,
  WorkerQueue,
  WorkerQueueRequest,
} from './deployment-parts.ts';
import { BaseUrl, Id, Instant, nameUpTo, PathId, Reference, textUpTo } from './ids.ts';
import { filterValues, pageMembers, pagingOrIds, sortsBy } from './lists.ts';
import { BasicSubjectProfile } from './subjects.ts';

const CloudProvider = z.enum(['AWS', 'AZURE', 'GCP']);

/** A Deployment. Clients crash without type, executor and workspace name, so these are always there. */
export const Deployment = z
  .object({
    id: Id,
    name: z.string(),
    description: z.string().exactOptional(),
    type: DeploymentType,
    status: z.enum(['CREATING', 'DEPLOYING', 'HEALTHY', 'UNHEALTHY', 'UNKNOWN', 'HIBERNATING']),
    statusReason: z.string().exactOptional(),
    organizationId: Id,
    workspaceId: Id,
    workspaceName: z.string(),
    namespace: z.string(),
    airflowUrl: z.string().exactOptional().describe('Where Airflow is, for people and links.'),
    gatewayUrl: z.string().exactOptional().describe('Where callers reach its gateway; absent until one is enrolled.'),
    apiUrl: z.string().describe('Airflow REST API, through the gateway.'),
    uiUrl: z.string(),
    webServerUrl: z.string(),
    webServerIngressHostname: z.string(),
    webServerAirflowApiUrl: z.string().describe('Airflow REST API, through the gateway, without a scheme.'),
    webServerCpu: z.string(),
    webServerMemory: z.string(),
    webServerReplicas: z.int().exactOptional(),
    airflowVersion: z.string(),
    astroRuntimeVersion: z.string(),
    runtimeVersion: z.string(),
    imageRepository: z.string(),
    imageTag: z.string(),
    imageVersion: z.string().exactOptional(),
    executor: DeploymentExecutor,
    schedulerSize: SchedulerSize.exactOptional(),
    schedulerAu: z.int().exactOptional(),
    schedulerCpu: z.string(),
    schedulerMemory: z.string(),
    schedulerReplicas: z.int(),
    isCicdEnforced: z.boolean(),
    isDagDeployEnabled: z.boolean(),
    isHighAvailability: z.boolean(),
    isDevelopmentMode: z.boolean(),
    cloudProvider: z.string().exactOptional(),
    region: z.string().exactOptional(),
    clusterId: z.string().exactOptional(),
    clusterName: z.string().exactOptional(),
    taskPodNodePoolId: z.string().exactOptional(),
    defaultTaskPodCpu: z.string().exactOptional(),
    defaultTaskPodMemory: z.string().exactOptional(),
    resourceQuotaCpu: z.string().exactOptional(),
    resourceQuotaMemory: z.string().exactOptional(),
    contactEmails: z.array(z.string()),
    environmentVariables: z.array(EnvironmentVariable).describe('Empty for a caller who may not see them.'),
    workerQueues: z.array(WorkerQueue).exactOptional(),
    scalingSpec: ScalingSpec.exactOptional(),
    scalingStatus: ScalingStatus.exactOptional(),
    remoteExecution: RemoteExecution.exactOptional(),
    workloadIdentity: z.string().exactOptional().describe('For clients of v1beta1.'),
    drWorkloadIdentity: z.string().exactOptional().describe('For clients of v1beta1.'),
    effectiveWorkloadIdentity: z.string().exactOptional(),
    effectiveDRWorkloadIdentity: z.string().exactOptional(),
    oidcIssuerUrl: z.string().exactOptional(),
    drOidcIssuerUrl: z.string().exactOptional(),
    externalIPs: z.array(z.string()).exactOptional(),
    drExternalIPs: z.array(z.string()).exactOptional(),
    dagTarballVersion: z.string().exactOptional(),
    desiredDagTarballVersion: z.string().exactOptional(),
    createdAt: Instant,
    createdBy: BasicSubjectProfile,
    updatedAt: Instant,
    updatedBy: BasicSubjectProfile,
  })
  .meta({ id: 'Deployment' });
export type Deployment = z.infer<typeof Deployment>;

export const DeploymentList = z.object({ deployments: z.array(Deployment), ...pageMembers }).meta({ id: 'DeploymentsPaginated' });
export type DeploymentList = z.infer<typeof DeploymentList>;

/** Path of one Deployment. */
export const DeploymentParams = z.strictObject({ organizationId: PathId, deploymentId: PathId });
export type DeploymentParams = z.infer<typeof DeploymentParams>;

export const deploymentSortFields = ['name', 'createdAt', 'updatedAt'] as const;

/** Query of `GET …/deployments`. */
export const DeploymentListQuery = z.strictObject({
  deploymentIds: filterValues.exactOptional(),
  names: filterValues.exactOptional(),
  workspaceIds: filterValues.exactOptional(),
  ...pagingOrIds,
  sorts: sortsBy(deploymentSortFields),
});
export type DeploymentListQuery = z.infer<typeof DeploymentListQuery>;

const Quantity = textUpTo(20);

/** What create and update both take. Absent in an update: stays as it is. */
const settings = {
  description: textUpTo(1000).exactOptional(),
  airflowUrl: BaseUrl.exactOptional().describe('Where Airflow is, for people and links; the gateway trusts its own file only.'),
  type: DeploymentType.exactOptional(),
  executor: DeploymentExecutor.exactOptional(),
  isCicdEnforced: z.boolean().exactOptional(),
  isDagDeployEnabled: z.boolean().exactOptional(),
  isHighAvailability: z.boolean().exactOptional(),
  isDevelopmentMode: z.boolean().exactOptional(),
  schedulerSize: SchedulerSize.exactOptional(),
  scheduler: Scheduler.exactOptional(),
  defaultTaskPodCpu: Quantity.exactOptional(),
  defaultTaskPodMemory: Quantity.exactOptional(),
  resourceQuotaCpu: Quantity.exactOptional(),
  resourceQuotaMemory: Quantity.exactOptional(),
  taskPodNodePoolId: Reference.exactOptional(),
  workerQueues: z.array(WorkerQueueRequest).max(100).exactOptional(),
  environmentVariables: z
    .array(EnvironmentVariableRequest)
    .max(1000)
    .exactOptional()
    .describe('The complete list: a key that is missing is removed. A secret without value keeps its value.'),
  contactEmails: z.array(textUpTo(320)).max(100).exactOptional(),
  scalingSpec: ScalingSpecRequest.exactOptional(),
  remoteExecution: RemoteExecutionRequest.exactOptional(),
  workloadIdentity: textUpTo(2048).exactOptional(),
  drWorkloadIdentity: textUpTo(2048).exactOptional(),
};

/** Body of `POST …/deployments`. */
export const CreateDeployment = z
  .strictObject({
    name: nameUpTo(500),
    workspaceId: Reference,
    ...settings,
    astroRuntimeVersion: textUpTo(100).exactOptional(),
    cloudProvider: CloudProvider.exactOptional(),
    region: textUpTo(100).exactOptional(),
    clusterId: Reference.exactOptional(),
  })
  .superRefine(checkVariableKeys)
  .meta({ id: 'CreateDeploymentRequest' });
export type CreateDeployment = z.infer<typeof CreateDeployment>;

/** Body of `POST …/deployments/{id}`. What cannot change after creation is refused. */
export const UpdateDeployment = z
  .strictObject({ name: nameUpTo(500).exactOptional(), workspaceId: Reference.exactOptional(), ...settings })
  .superRefine(checkVariableKeys)
  .meta({ id: 'UpdateDeploymentRequest' });
export type UpdateDeployment = z.infer<typeof UpdateDeployment>;

function checkVariableKeys(
  { environmentVariables = [] }: { environmentVariables?: EnvironmentVariableRequest[] },
  context: z.RefinementCtx,
): void {
  const seen = new Set<string>();
  environmentVariables.forEach(({ key }, index) => {
    if (seen.has(key)) context.addIssue({ code: 'custom', path: ['environmentVariables', index, 'key'], message: 'is there twice' });
    seen.add(key);
  });
}
