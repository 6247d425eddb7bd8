import type { Deployment } from '@astrolabe/contract';
import { Command } from 'commander';
import type { Context } from '../../context.ts';
import { allFlags } from '../../flags.ts';
import { findWorkspaceId } from '../../look-up.ts';
import { type Column, type FormatFlags, printList, withFormat } from '../../table.ts';

export interface ListOptions extends FormatFlags {
  readonly workspaceId?: string;
  readonly all?: boolean;
}

export function listCommand(context: Context, run = listDeployments): Command {
  return withFormat(
    new Command('list').alias('ls').description('List Deployments').option('-a, --all', 'of every workspace that the token may see'),
  ).action((_flags, command: Command) => run(context, allFlags<ListOptions>(command)));
}

export async function listDeployments(context: Context, o: ListOptions): Promise<void> {
  const { io } = context;
  const api = await context.signIn();
  const workspaceIds = o.all ? undefined : await findWorkspaceId(context, api, o.workspaceId);
  const found = await api.listDeployments(workspaceIds === undefined ? {} : { workspaceIds });
  const rows = found.toSorted((a, b) => (a.name < b.name ? 1 : a.name > b.name ? -1 : 0)); // descending, as clients show them
  if (rows.length === 0) io.note(workspaceIds === undefined ? 'no Deployments found' : `no Deployments found in workspace ${workspaceIds}`);
  printList(io, o, { key: 'deployments', rows, columns: deploymentColumns(o.all ?? false), json: summary });
}

/** The table of `reference/cli.md` 8.1, also shown by create. */
export function deploymentColumns(withWorkspace: boolean): Column<Deployment>[] {
  const workspace: Column<Deployment> = { header: 'WORKSPACE', text: (row) => row.workspaceName };
  return [
    { header: 'NAME', text: (row) => row.name },
    ...(withWorkspace ? [workspace] : []),
    { header: 'NAMESPACE', text: (row) => row.namespace },
    { header: 'CLUSTER', text: (row) => (row.type === 'STANDARD' ? undefined : row.clusterName) || 'N/A' },
    { header: 'CLOUD PROVIDER', text: (row) => row.cloudProvider || 'N/A' },
    { header: 'REGION', text: (row) => row.region || 'N/A' },
    { header: 'DEPLOYMENT ID', text: (row) => row.id },
    { header: 'RUNTIME VERSION', text: (row) => `${row.runtimeVersion} (based on Airflow ${row.airflowVersion})` },
    { header: 'DAG DEPLOY ENABLED', text: (row) => String(row.isDagDeployEnabled) },
    { header: 'CI-CD ENFORCEMENT', text: (row) => String(row.isCicdEnforced) },
    { header: 'DEPLOYMENT TYPE', text: (row) => row.type },
    { header: 'REMOTE EXECUTION', text: (row) => String(row.remoteExecution?.enabled ?? false) },
  ];
}

/** The members of `reference/cli.md` 3.3, in their order. */
function summary(row: Deployment): Record<string, unknown> {
  return {
    name: row.name,
    workspaceName: row.workspaceName,
    namespace: row.namespace,
    clusterName: row.type === 'STANDARD' ? undefined : row.clusterName,
    cloudProvider: row.cloudProvider,
    region: row.region,
    deploymentId: row.id,
    runtimeVersion: row.runtimeVersion,
    airflowVersion: row.airflowVersion,
    isDagDeployEnabled: row.isDagDeployEnabled,
    isCicdEnforced: row.isCicdEnforced,
    type: row.type,
    isRemoteExecutionEnabled: row.remoteExecution?.enabled ?? false,
  };
}
