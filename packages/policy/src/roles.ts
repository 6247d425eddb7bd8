import { catalogue, levelOf, type Permission, type PermissionLevel } from './catalogue.ts';

/** Level of the entity a role is given on. A `DAG` role fits a Dag and a Dag tag. */
export type RoleScope = 'ORGANIZATION' | 'WORKSPACE' | 'DEPLOYMENT' | 'DAG';

export type BuiltInRole =
  | 'ORGANIZATION_OWNER'
  | 'ORGANIZATION_BILLING_ADMIN'
  | 'ORGANIZATION_OBSERVE_ADMIN'
  | 'ORGANIZATION_OBSERVE_MEMBER'
  | 'ORGANIZATION_MEMBER'
  | 'WORKSPACE_OWNER'
  | 'WORKSPACE_OPERATOR'
  | 'WORKSPACE_AUTHOR'
  | 'WORKSPACE_MEMBER'
  | 'WORKSPACE_ACCESSOR'
  | 'DEPLOYMENT_ADMIN'
  | 'DEPLOYMENT_ACCESSOR'
  | 'DAG_VIEWER'
  | 'DAG_AUTHOR';

/** A role that every organization has. `permissions` are as given, before `expand`. */
export interface RoleDefinition {
  readonly name: BuiltInRole;
  readonly scope: RoleScope;
  readonly description: string;
  readonly permissions: readonly Permission[];
  /** What the role gives to a token, where that is less than it gives to a person. */
  readonly tokenPermissions?: readonly Permission[];
}

const viewing: readonly Permission[] = [
  'deployment.get',
  'deployment.airflow.astronomer.get',
  'deployment.airflow.auditLog.get',
  'deployment.airflow.browseMenu.get',
  'deployment.airflow.clusterActivity.get',
  'deployment.airflow.customMenu.get',
  'deployment.airflow.dag.get',
  'deployment.airflow.dagCode.get',
  'deployment.airflow.dagDependencies.get',
  'deployment.airflow.dagRun.get',
  'deployment.airflow.datasets.get',
  'deployment.airflow.docs.get',
  'deployment.airflow.importError.get',
  'deployment.airflow.job.get',
  'deployment.airflow.slaMiss.get',
  'deployment.airflow.taskInstance.get',
  'deployment.airflow.taskLog.get',
  'deployment.airflow.taskReschedule.get',
  'deployment.airflow.trigger.get',
  'deployment.airflow.website.get',
  'deployment.alerts.get',
  'deployment.deploys.get',
  'deployment.logs.get',
  'deployment.metrics.get',
  'deployment.teams.get',
  'deployment.users.get',
];

const changingAlerts: readonly Permission[] = ['deployment.alerts.create', 'deployment.alerts.update', 'deployment.alerts.delete'];

const authoring: readonly Permission[] = [
  ...viewing,
  ...changingAlerts,
  'deployment.airflow.adminMenu.get',
  'deployment.airflow.connection.get',
  'deployment.airflow.dag.update',
  'deployment.airflow.dag.delete',
  'deployment.airflow.dagRun.create',
  'deployment.airflow.dagRun.update',
  'deployment.airflow.dagRun.delete',
  'deployment.airflow.plugin.get',
  'deployment.airflow.pool.get',
  'deployment.airflow.provider.get',
  'deployment.airflow.taskInstance.create',
  'deployment.airflow.taskInstance.update',
  'deployment.airflow.taskInstance.delete',
  'deployment.airflow.variable.get',
  'deployment.airflow.xcom.get',
  'deployment.deploys.create',
  'deployment.deploys.update',
  'deployment.envObjects.get',
];

const operating: readonly Permission[] = [
  ...authoring,
  'deployment.update',
  'deployment.delete',
  'deployment.agents.get',
  'deployment.agents.update',
  'deployment.agents.delete',
  'deployment.agentTokens.get',
  'deployment.agentTokens.create',
  'deployment.agentTokens.update',
  'deployment.agentTokens.delete',
  'deployment.airflow.config.get',
  'deployment.airflow.connection.create',
  'deployment.airflow.connection.update',
  'deployment.airflow.connection.delete',
  'deployment.airflow.datasets.create',
  'deployment.airflow.datasets.update',
  'deployment.airflow.datasets.delete',
  'deployment.airflow.pool.create',
  'deployment.airflow.pool.update',
  'deployment.airflow.pool.delete',
  'deployment.airflow.variable.create',
  'deployment.airflow.variable.update',
  'deployment.airflow.variable.delete',
  'deployment.airflow.xcom.create',
  'deployment.airflow.xcom.update',
  'deployment.airflow.xcom.delete',
  'deployment.envObjects.create',
  'deployment.envObjects.update',
  'deployment.envObjects.delete',
];

/** Credentials that open a Deployment. People with a Deployment role manage them, tokens with the same role do not. */
const managingCredentials: readonly Permission[] = [
  'deployment.apiTokens.create',
  'deployment.apiTokens.update',
  'deployment.apiTokens.delete',
  'deployment.apiTokens.rotate',
  'deployment.agentTokens.create',
  'deployment.agentTokens.update',
  'deployment.agentTokens.delete',
];

const administering: readonly Permission[] = [
  ...without(operating, [...changingAlerts, ...managingCredentials]),
  ...managingCredentials,
  'deployment.apiTokens.get',
  'deployment.teams.delete',
  'deployment.users.delete',
];

const viewingDag: readonly Permission[] = [
  'dag.airflow.dag.get',
  'dag.airflow.dagCode.get',
  'dag.airflow.dagDependencies.get',
  'dag.airflow.dagRun.get',
  'dag.airflow.taskInstance.get',
  'dag.airflow.taskLog.get',
  'dag.airflow.taskReschedule.get',
  'dag.airflow.slaMiss.get',
  'dag.airflow.importError.get',
  'dag.airflow.xcom.get',
];

const authoringDag: readonly Permission[] = [
  ...viewingDag,
  'dag.airflow.dag.update',
  'dag.airflow.dag.delete',
  'dag.airflow.dagRun.create',
  'dag.airflow.dagRun.update',
  'dag.airflow.dagRun.delete',
  'dag.airflow.taskInstance.create',
  'dag.airflow.taskInstance.update',
  'dag.airflow.taskInstance.delete',
  'dag.airflow.xcom.delete',
];

const belonging: readonly Permission[] = ['organization.get', 'organization.users.get', 'organization.teams.get'];

/** The exact content of every built-in role; `roles.snapshot.json` repeats it expanded, so that a change is made twice. */
export const builtInRoles: { readonly [R in BuiltInRole]: RoleDefinition } = {
  ORGANIZATION_OWNER: role('ORGANIZATION_OWNER', 'ORGANIZATION', 'Everything, everywhere in the organization', catalogue.map(nameOf)),
  ORGANIZATION_BILLING_ADMIN: role('ORGANIZATION_BILLING_ADMIN', 'ORGANIZATION', 'See the organization and manage billing', belonging),
  ORGANIZATION_OBSERVE_ADMIN: role('ORGANIZATION_OBSERVE_ADMIN', 'ORGANIZATION', 'See the organization and manage Observe', belonging),
  ORGANIZATION_OBSERVE_MEMBER: role('ORGANIZATION_OBSERVE_MEMBER', 'ORGANIZATION', 'See the organization and use Observe', belonging),
  ORGANIZATION_MEMBER: role('ORGANIZATION_MEMBER', 'ORGANIZATION', 'See the organization and its members', belonging),
  WORKSPACE_OWNER: role('WORKSPACE_OWNER', 'WORKSPACE', 'Everything in the workspace', levels(['workspace', 'deployment', 'dag'])),
  WORKSPACE_OPERATOR: role('WORKSPACE_OPERATOR', 'WORKSPACE', 'Manage Deployments, without their tokens and members', [
    'workspace.get',
    'workspace.deployments.create',
    ...operating,
  ]),
  WORKSPACE_AUTHOR: role('WORKSPACE_AUTHOR', 'WORKSPACE', 'Deploy code and run Dags', ['workspace.get', ...authoring]),
  WORKSPACE_MEMBER: role('WORKSPACE_MEMBER', 'WORKSPACE', 'See Deployments and Dags', ['workspace.get', ...viewing]),
  WORKSPACE_ACCESSOR: role('WORKSPACE_ACCESSOR', 'WORKSPACE', 'See that the workspace is there', ['workspace.get']),
  DEPLOYMENT_ADMIN: role(
    'DEPLOYMENT_ADMIN',
    'DEPLOYMENT',
    'Manage one Deployment; people with it also manage its tokens',
    administering,
    without(administering, managingCredentials),
  ),
  DEPLOYMENT_ACCESSOR: role('DEPLOYMENT_ACCESSOR', 'DEPLOYMENT', 'See that the Deployment is there', ['deployment.get']),
  DAG_VIEWER: role('DAG_VIEWER', 'DAG', 'See a Dag and what belongs to it', viewingDag),
  DAG_AUTHOR: role('DAG_AUTHOR', 'DAG', 'See, run, change and delete a Dag and what belongs to it', authoringDag),
};

/** Exact and case-sensitive: no spelling of a name but its own finds a role. */
export function findBuiltInRole(name: string): RoleDefinition | undefined {
  return Object.hasOwn(builtInRoles, name) ? builtInRoles[name as BuiltInRole] : undefined; // own keys are the names
}

/** What the role gives to a token. */
export function tokenPermissionsOf(definition: Pick<RoleDefinition, 'permissions' | 'tokenPermissions'>): readonly Permission[] {
  return definition.tokenPermissions ?? definition.permissions;
}

function role(
  name: BuiltInRole,
  scope: RoleScope,
  description: string,
  permissions: readonly Permission[],
  tokenPermissions?: readonly Permission[],
): RoleDefinition {
  return { name, scope, description, permissions, ...(tokenPermissions === undefined ? {} : { tokenPermissions }) };
}

function levels(wanted: readonly PermissionLevel[]): readonly Permission[] {
  return catalogue.map(nameOf).filter((permission) => wanted.includes(levelOf(permission)));
}

function without(permissions: readonly Permission[], left: readonly Permission[]): readonly Permission[] {
  return permissions.filter((permission) => !left.includes(permission));
}

function nameOf(entry: { readonly permission: Permission }): Permission {
  return entry.permission;
}
