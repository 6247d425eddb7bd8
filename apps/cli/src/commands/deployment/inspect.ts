import type { Deployment } from '@astrolabe/contract';
import { Command } from 'commander';
import type { Context } from '../../context.ts';
import { CliError } from '../../exit.ts';
import { allFlags, id } from '../../flags.ts';
import { type DeploymentTarget, findDeployment } from '../../look-up.ts';
import { toYaml, type Value } from '../../yaml.ts';

type Tree = { readonly [key: string]: Value };

export interface InspectOptions extends DeploymentTarget {
  readonly output?: 'yaml' | 'json';
  readonly key?: string;
}

export function inspectCommand(context: Context, run = inspectDeployment): Command {
  return new Command('inspect')
    .alias('in')
    .description('Show everything about a Deployment')
    .argument('[deployment-id]', 'the Deployment; otherwise --deployment-name, or a choice', id)
    .option('-n, --deployment-name <name>', 'the Deployment by its name')
    .option('-o, --output <format>', 'yaml or json', parseFormat)
    .option('-k, --key <key>', 'one value, for example metadata.status or configuration.name')
    .option('-c, --clean-output', 'accepted for existing scripts: stdout is clean always')
    .action((deploymentId: string | undefined, _flags, command: Command) =>
      run(context, { ...allFlags<InspectOptions>(command), ...(deploymentId ? { deploymentId } : {}) }),
    );
}

export async function inspectDeployment(context: Context, o: InspectOptions): Promise<void> {
  const api = await context.signIn({ isSilent: true });
  const tree = deploymentTree(await findDeployment(context, api, o));
  const value = o.key === undefined ? { deployment: tree } : findKey(tree, o.key);
  if (value === null || typeof value !== 'object') return context.io.print(String(value ?? ''));
  context.io.print(o.output === 'json' ? JSON.stringify(value, undefined, 4) : toYaml(value));
}

/** The tree of `reference/cli.md` 8.2; what the server does not say is left out. */
function deploymentTree(d: Deployment): Tree {
  return compact({
    environment_variables: d.environmentVariables.map((variable) =>
      compact({ is_secret: variable.isSecret, key: variable.key, updated_at: variable.updatedAt, value: variable.value ?? '' }),
    ),
    configuration: configuration(d),
    worker_queues: (d.workerQueues ?? []).map((queue) =>
      compact({
        name: queue.name,
        max_worker_count: queue.maxWorkerCount,
        min_worker_count: queue.minWorkerCount,
        worker_concurrency: queue.workerConcurrency,
        worker_type: queue.astroMachine,
        pod_cpu: queue.podCpu,
        pod_ram: queue.podMemory,
        pod_ephemeral_storage: queue.podEphemeralStorage,
      }),
    ),
    metadata: compact({
      deployment_id: d.id,
      workspace_id: d.workspaceId,
      cluster_id: d.clusterId,
      release_name: d.namespace,
      airflow_version: d.airflowVersion,
      current_tag: d.imageTag,
      status: d.status,
      created_at: d.createdAt,
      updated_at: d.updatedAt,
      deployment_url: d.uiUrl,
      webserver_url: d.webServerUrl,
      airflow_api_url: d.webServerAirflowApiUrl,
      airflow_url: d.airflowUrl,
      gateway_url: d.gatewayUrl,
    }),
    alert_emails: d.contactEmails,
    hibernation_schedules: [],
  });
}

function configuration(d: Deployment): Value {
  const remote = d.remoteExecution;
  return compact({
    name: d.name,
    description: d.description ?? '',
    runtime_version: d.runtimeVersion,
    dag_deploy_enabled: d.isDagDeployEnabled,
    ci_cd_enforcement: d.isCicdEnforced,
    scheduler_size: d.schedulerSize,
    is_high_availability: d.isHighAvailability,
    is_development_mode: d.isDevelopmentMode,
    executor: d.executor,
    scheduler_au: d.schedulerAu,
    scheduler_count: d.schedulerReplicas,
    cluster_name: d.clusterName,
    workspace_name: d.workspaceName,
    deployment_type: d.type,
    cloud_provider: d.cloudProvider,
    region: d.region,
    default_task_pod_cpu: d.defaultTaskPodCpu,
    default_task_pod_memory: d.defaultTaskPodMemory,
    resource_quota_cpu: d.resourceQuotaCpu,
    resource_quota_memory: d.resourceQuotaMemory,
    workload_identity: d.effectiveWorkloadIdentity,
    remote_execution:
      remote &&
      compact({
        enabled: remote.enabled,
        allowed_ip_address_ranges: remote.allowedIpAddressRanges,
        task_log_bucket: remote.taskLogBucket,
        task_log_url_pattern: remote.taskLogUrlPattern,
      }),
  });
}

function compact(entries: { readonly [key: string]: Value | undefined }): Tree {
  return Object.fromEntries(Object.entries(entries).filter((entry): entry is [string, Value] => entry[1] !== undefined));
}

/** A top-level key, or one below it: `metadata`, `metadata.status`. */
function findKey(tree: Tree, key: string): Value {
  let value: Value | undefined = tree;
  for (const part of key.split('.')) value = isTree(value) && Object.hasOwn(value, part) ? value[part] : undefined;
  if (value !== undefined) return value;
  throw new CliError(`requested key ${key} not found in deployment`, `Top-level keys: ${Object.keys(tree).join(', ')}.`);
}

function isTree(value: Value | undefined): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseFormat(text: string): 'yaml' | 'json' {
  if (text === 'yaml' || text === 'json') return text;
  throw new CliError(`invalid format "${text}" (must be yaml or json)`);
}
