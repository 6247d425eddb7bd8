/**
 * Every right there is. Dotted as published: level, then what is touched, then the verb.
 *
 * Append only: the index of an entry is its bit in the frozen grants of direct access tokens (`bits.ts`), so an entry is
 * never moved, renamed or removed. Whoever appends raises `catalogueVersion` and adds the new length to `catalogueLengths`.
 * Dag rights come first and wider ones last, which keeps the bit sets inside a token short.
 */
const entries = [
  // one Dag
  { permission: 'dag.airflow.dag.get', description: 'See the Dag, its tasks, versions and warnings' },
  { permission: 'dag.airflow.dag.update', description: 'Change the Dag (pause, unpause)' },
  { permission: 'dag.airflow.dag.delete', description: 'Delete the Dag' },
  { permission: 'dag.airflow.dagCode.get', description: 'See the source of the Dag' },
  { permission: 'dag.airflow.dagDependencies.get', description: 'See the dependencies of the Dag' },
  { permission: 'dag.airflow.dagRun.get', description: 'See runs of the Dag' },
  { permission: 'dag.airflow.dagRun.create', description: 'Trigger runs of the Dag' },
  { permission: 'dag.airflow.dagRun.update', description: 'Clear and mark runs of the Dag' },
  { permission: 'dag.airflow.dagRun.delete', description: 'Delete runs of the Dag' },
  { permission: 'dag.airflow.taskInstance.get', description: 'See task instances of the Dag' },
  { permission: 'dag.airflow.taskInstance.create', description: 'Create task instances of the Dag' },
  { permission: 'dag.airflow.taskInstance.update', description: 'Clear and mark task instances of the Dag' },
  { permission: 'dag.airflow.taskInstance.delete', description: 'Delete task instances of the Dag' },
  { permission: 'dag.airflow.taskLog.get', description: 'Read task logs of the Dag' },
  { permission: 'dag.airflow.taskReschedule.get', description: 'See reschedules of the Dag' },
  { permission: 'dag.airflow.slaMiss.get', description: 'See SLA misses of the Dag' },
  { permission: 'dag.airflow.importError.get', description: 'See import errors of the Dag' },
  { permission: 'dag.airflow.xcom.get', description: 'Read XComs of the Dag' },
  { permission: 'dag.airflow.xcom.create', description: 'Create XComs of the Dag' },
  { permission: 'dag.airflow.xcom.update', description: 'Change XComs of the Dag' },
  { permission: 'dag.airflow.xcom.delete', description: 'Delete XComs of the Dag' },
  { permission: 'dag.airflow.datasets.get', description: 'See dataset events queued for the Dag' },
  { permission: 'dag.airflow.datasets.delete', description: 'Delete dataset events queued for the Dag' },
  { permission: 'dag.airflow.auditLog.get', description: 'See Airflow audit log entries of the Dag' },
  // the Airflow of one Deployment
  { permission: 'deployment.airflow.adminMenu.get', description: 'Open the Admin menu of Airflow' },
  { permission: 'deployment.airflow.astronomer.get', description: 'Open the Astronomer menu of Airflow' },
  { permission: 'deployment.airflow.auditLog.get', description: 'See the audit log of Airflow' },
  { permission: 'deployment.airflow.browseMenu.get', description: 'Open the Browse menu of Airflow' },
  { permission: 'deployment.airflow.clusterActivity.get', description: 'See Cluster Activity' },
  { permission: 'deployment.airflow.config.get', description: 'See the configuration of Airflow' },
  { permission: 'deployment.airflow.connection.get', description: 'See connections in Airflow' },
  { permission: 'deployment.airflow.connection.create', description: 'Create connections in Airflow' },
  { permission: 'deployment.airflow.connection.update', description: 'Change connections in Airflow' },
  { permission: 'deployment.airflow.connection.delete', description: 'Delete connections in Airflow' },
  { permission: 'deployment.airflow.customMenu.get', description: 'Use menus of plugins' },
  { permission: 'deployment.airflow.dag.get', description: 'See Dags, their tasks, versions and warnings' },
  { permission: 'deployment.airflow.dag.update', description: 'Change Dags (pause, unpause)' },
  { permission: 'deployment.airflow.dag.delete', description: 'Delete Dags' },
  { permission: 'deployment.airflow.dagCode.get', description: 'See the source of Dags' },
  { permission: 'deployment.airflow.dagDependencies.get', description: 'See dependencies of Dags' },
  { permission: 'deployment.airflow.dagRun.get', description: 'See Dag runs' },
  { permission: 'deployment.airflow.dagRun.create', description: 'Trigger Dag runs' },
  { permission: 'deployment.airflow.dagRun.update', description: 'Clear and mark Dag runs' },
  { permission: 'deployment.airflow.dagRun.delete', description: 'Delete Dag runs' },
  { permission: 'deployment.airflow.datasets.get', description: 'See datasets (assets) and their events' },
  { permission: 'deployment.airflow.datasets.create', description: 'Create dataset events and materialize datasets' },
  { permission: 'deployment.airflow.datasets.update', description: 'Change the state of datasets' },
  { permission: 'deployment.airflow.datasets.delete', description: 'Delete queued dataset events and the state of datasets' },
  { permission: 'deployment.airflow.docs.get', description: 'Open the Docs menu of Airflow' },
  { permission: 'deployment.airflow.importError.get', description: 'See import errors' },
  { permission: 'deployment.airflow.job.get', description: 'See scheduler jobs' },
  { permission: 'deployment.airflow.plugin.get', description: 'See plugins' },
  { permission: 'deployment.airflow.pool.get', description: 'See pools' },
  { permission: 'deployment.airflow.pool.create', description: 'Create pools' },
  { permission: 'deployment.airflow.pool.update', description: 'Change pools' },
  { permission: 'deployment.airflow.pool.delete', description: 'Delete pools' },
  { permission: 'deployment.airflow.provider.get', description: 'See provider packages' },
  { permission: 'deployment.airflow.slaMiss.get', description: 'See SLA misses' },
  { permission: 'deployment.airflow.taskInstance.get', description: 'See task instances' },
  { permission: 'deployment.airflow.taskInstance.create', description: 'Create task instances' },
  { permission: 'deployment.airflow.taskInstance.update', description: 'Clear and mark task instances' },
  { permission: 'deployment.airflow.taskInstance.delete', description: 'Delete task instances' },
  { permission: 'deployment.airflow.taskLog.get', description: 'Read task logs' },
  { permission: 'deployment.airflow.taskReschedule.get', description: 'See reschedules' },
  { permission: 'deployment.airflow.trigger.get', description: 'See triggers' },
  { permission: 'deployment.airflow.variable.get', description: 'See variables in Airflow' },
  { permission: 'deployment.airflow.variable.create', description: 'Create variables in Airflow' },
  { permission: 'deployment.airflow.variable.update', description: 'Change variables in Airflow' },
  { permission: 'deployment.airflow.variable.delete', description: 'Delete variables in Airflow' },
  { permission: 'deployment.airflow.website.get', description: 'Open the home page of Airflow' },
  { permission: 'deployment.airflow.xcom.get', description: 'Read XComs' },
  { permission: 'deployment.airflow.xcom.create', description: 'Create XComs' },
  { permission: 'deployment.airflow.xcom.update', description: 'Change XComs' },
  { permission: 'deployment.airflow.xcom.delete', description: 'Delete XComs' },
  // one Deployment
  { permission: 'deployment.get', description: 'See the Deployment and its settings' },
  { permission: 'deployment.update', description: 'Change the Deployment, its environment variables included' },
  { permission: 'deployment.delete', description: 'Delete the Deployment' },
  { permission: 'deployment.agents.get', description: 'See remote execution agents' },
  { permission: 'deployment.agents.update', description: 'Cordon and uncordon remote execution agents' },
  { permission: 'deployment.agents.delete', description: 'Delete remote execution agents' },
  { permission: 'deployment.agentTokens.get', description: 'See agent tokens' },
  { permission: 'deployment.agentTokens.create', description: 'Create agent tokens and set the address of the gateway' },
  { permission: 'deployment.agentTokens.update', description: 'Change agent tokens' },
  { permission: 'deployment.agentTokens.delete', description: 'Delete agent tokens' },
  { permission: 'deployment.alerts.get', description: 'See alerts of the Deployment' },
  { permission: 'deployment.alerts.create', description: 'Create alerts of the Deployment' },
  { permission: 'deployment.alerts.update', description: 'Change alerts of the Deployment' },
  { permission: 'deployment.alerts.delete', description: 'Delete alerts of the Deployment' },
  { permission: 'deployment.apiTokens.get', description: 'See API tokens of the Deployment' },
  { permission: 'deployment.apiTokens.create', description: 'Create API tokens of the Deployment' },
  { permission: 'deployment.apiTokens.update', description: 'Change API tokens of the Deployment and roles that tokens hold in it' },
  { permission: 'deployment.apiTokens.delete', description: 'Delete API tokens of the Deployment' },
  { permission: 'deployment.apiTokens.rotate', description: 'Rotate API tokens of the Deployment' },
  { permission: 'deployment.deploys.get', description: 'See the history of deploys' },
  { permission: 'deployment.deploys.create', description: 'Start and finalize deploys of every type' },
  { permission: 'deployment.deploys.dags.create', description: 'Start and finalize deploys of Dags only' },
  { permission: 'deployment.deploys.image.create', description: 'Start and finalize deploys of an image' },
  { permission: 'deployment.deploys.update', description: 'Edit and roll back deploys' },
  { permission: 'deployment.envObjects.get', description: 'See environment objects' },
  { permission: 'deployment.envObjects.create', description: 'Create environment objects' },
  { permission: 'deployment.envObjects.update', description: 'Change environment objects' },
  { permission: 'deployment.envObjects.delete', description: 'Delete environment objects' },
  { permission: 'deployment.logs.get', description: 'Read component logs' },
  { permission: 'deployment.metrics.get', description: 'See analytics' },
  { permission: 'deployment.teams.get', description: 'See Teams with access to the Deployment' },
  { permission: 'deployment.teams.delete', description: 'Change which Teams have access to the Deployment' },
  { permission: 'deployment.users.get', description: 'See users with access to the Deployment' },
  { permission: 'deployment.users.delete', description: 'Change which users have access to the Deployment' },
  { permission: 'deployment.variables.get', description: 'See environment variables of the Deployment, secret values excepted' },
  { permission: 'deployment.variables.update', description: 'Change environment variables of the Deployment' },
  // one workspace
  { permission: 'workspace.get', description: 'See the workspace' },
  { permission: 'workspace.update', description: 'Change the workspace' },
  { permission: 'workspace.delete', description: 'Delete the workspace' },
  { permission: 'workspace.deployments.create', description: 'Create Deployments in the workspace' },
  { permission: 'workspace.apiTokens.get', description: 'See API tokens of the workspace' },
  { permission: 'workspace.apiTokens.create', description: 'Create API tokens of the workspace' },
  { permission: 'workspace.apiTokens.update', description: 'Change API tokens of the workspace and roles that tokens hold in it' },
  { permission: 'workspace.apiTokens.delete', description: 'Delete API tokens of the workspace' },
  { permission: 'workspace.apiTokens.rotate', description: 'Rotate API tokens of the workspace' },
  // the organization
  { permission: 'organization.get', description: 'See the organization' },
  { permission: 'organization.settings.update', description: 'Change the organization' },
  { permission: 'organization.workspaces.create', description: 'Create workspaces' },
  { permission: 'organization.apiTokens.get', description: 'See API tokens of the organization' },
  { permission: 'organization.apiTokens.create', description: 'Create API tokens of the organization' },
  { permission: 'organization.apiTokens.update', description: 'Change API tokens of the organization and their roles in it' },
  { permission: 'organization.apiTokens.delete', description: 'Delete API tokens of the organization' },
  { permission: 'organization.apiTokens.rotate', description: 'Rotate API tokens of the organization' },
  { permission: 'organization.directAccessTokens.create', description: 'Create direct access tokens of any home scope' },
  { permission: 'organization.directAccessTokens.rotate', description: 'Rotate direct access tokens of any home scope' },
  { permission: 'organization.users.get', description: 'See users of the organization' },
  { permission: 'organization.users.create', description: 'Invite users' },
  { permission: 'organization.users.delete', description: 'Remove users' },
  { permission: 'organization.teams.get', description: 'See Teams' },
  { permission: 'organization.teams.create', description: 'Create Teams' },
  { permission: 'organization.teams.update', description: 'Change Teams' },
  { permission: 'organization.teams.delete', description: 'Delete Teams' },
  { permission: 'organization.customRoles.get', description: 'See custom roles' },
  { permission: 'organization.customRoles.create', description: 'Create custom roles' },
  { permission: 'organization.customRoles.update', description: 'Change custom roles' },
  { permission: 'organization.customRoles.delete', description: 'Delete custom roles' },
  { permission: 'organization.auditLogs.get', description: 'Export the audit log' },
  { permission: 'organization.allowedIpAddressRanges.get', description: 'See the IP access list' },
  { permission: 'organization.allowedIpAddressRanges.create', description: 'Add to the IP access list' },
  { permission: 'organization.allowedIpAddressRanges.delete', description: 'Remove from the IP access list' },
] as const;

/** The dotted name of one right. */
export type Permission = (typeof entries)[number]['permission'];

/** Every right in the order of its bit. */
export const catalogue: readonly { readonly permission: Permission; readonly description: string }[] = entries;

/** Version of the catalogue that direct access tokens made now are written in. */
export const catalogueVersion = 1;

/** How many rights each version knew: a bit past the end of its version gives nothing, whatever later stands there. */
export const catalogueLengths: ReadonlyMap<number, number> = new Map([[1, 144]]);

/** How far a right reaches: a wider level holds the narrower ones. */
export type PermissionLevel = 'organization' | 'workspace' | 'deployment' | 'dag';

const indexes: ReadonlyMap<string, number> = new Map(entries.map(({ permission }, index) => [permission, index]));

/** Exact and case-sensitive. An unknown right is refused where it is asked for and gives nothing where it is stored. */
export function isPermission(text: string): text is Permission {
  return indexes.has(text);
}

/** The bit of a right; undefined when the text is not one. */
export function indexOf(permission: string): number | undefined {
  return indexes.get(permission);
}

/** The level a right is asked at: its first word. */
export function levelOf(permission: Permission): PermissionLevel {
  return permission.slice(0, permission.indexOf('.')) as PermissionLevel; // every entry begins with one of the four
}
