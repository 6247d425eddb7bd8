/** Deployments: each an Airflow that someone runs and registers here. */
import type {
  CreateDeployment,
  Deployment,
  DeploymentList,
  DeploymentListQuery,
  DeploymentParams,
  SetGateway,
  UpdateDeployment,
} from '@astrolabe/contract';
import { chainStart } from '@astrolabe/contract';
import { allows, type Entity } from '@astrolabe/policy';
import { record } from '../audit/audit.ts';
import type { Deps, Principal } from '../deps.ts';
import { announceDeployment, announceEnd } from '../feed/announce.ts';
import { createId } from '../ids.ts';
import { createdStamps, loadProfiles, updatedStamps } from '../members/profiles.ts';
import { getOrganizationRow } from '../organizations/organizations.ts';
import { reachOf } from '../organizations/reach.ts';
import { Problem } from '../problem.ts';
import {
  findDeployment,
  insertDeployment,
  listDeployments as listRows,
  lockDeployment,
  markDeploymentDeleted,
  updateDeployment,
} from '../store/deployments.ts';
import { listEnvironmentVariables } from '../store/environment-variables.ts';
import type { Db, Tx } from '../store/open.ts';
import type { DeploymentRow } from '../store/schema.ts';
import { listWorkspaceNames, lockWorkspace } from '../store/workspaces.ts';
import { endTokensOf } from '../tokens/ending.ts';
import { airflowVersionOf, runtimeReleases } from './machines.ts';
import { invalidField, mergeSettings, settingsOf } from './settings.ts';
import { replaceVariables } from './variables.ts';
import { deploymentView } from './view.ts';

const defaultLimit = 20;

export async function listDeployments(
  deps: Deps,
  caller: Principal,
  organizationId: string,
  query: DeploymentListQuery,
): Promise<DeploymentList> {
  await getOrganizationRow(deps.read, caller, organizationId);
  const { deploymentIds: ids, workspaceIds, names, offset, sorts } = query;
  const limit = query.limit ?? Math.max(defaultLimit, ids?.length ?? 0); // whoever names ids wants all of them
  const reach = reachOf(caller, 'deployment.get');
  const filter = {
    organizationId,
    ...(reach.everywhere ? {} : { visible: reach }),
    ...(ids ? { ids } : {}),
    ...(names ? { names } : {}),
    ...(workspaceIds ? { workspaceIds } : {}),
  };
  const { rows, totalCount } = await listRows(deps.read, filter, sorts, { limit, offset });
  return { deployments: await views(deps.read, caller, rows), limit, offset, totalCount };
}

export async function getDeployment(deps: Deps, caller: Principal, target: DeploymentParams): Promise<Deployment> {
  await getOrganizationRow(deps.read, caller, target.organizationId);
  const row = await findDeployment(deps.read, target.organizationId, target.deploymentId);
  if (!row || !allows(caller, 'deployment.get', placeOf(row))) throw new Problem('deployment_not_found');
  return view(deps.read, caller, row);
}

export async function createDeployment(
  deps: Deps,
  caller: Principal,
  organizationId: string,
  input: CreateDeployment,
): Promise<Deployment> {
  return deps.write(caller, async (tx, actor) => {
    await getOrganizationRow(tx, actor, organizationId);
    const workspace = await lockWorkspace(tx, organizationId, input.workspaceId);
    const place = { organizationId, workspaceId: input.workspaceId };
    if (!workspace || !allows(actor, 'workspace.get', place)) throw new Problem('workspace_not_found');
    if (!allows(actor, 'workspace.deployments.create', place)) throw new Problem('permission_denied');
    const at = deps.now();
    const isCicdEnforced = input.isCicdEnforced ?? workspace.cicdEnforcedDefault === 1;
    const row: DeploymentRow = {
      id: createId(at),
      ...place,
      name: input.name,
      description: input.description ?? '',
      airflowUrl: baseOf(input.airflowUrl),
      gatewayUrl: null,
      airflowVersion: airflowVersionOf(input.astroRuntimeVersion ?? runtimeReleases[0].version) ?? null,
      settings: JSON.stringify(mergeSettings(undefined, { ...input, isCicdEnforced }, at)),
      feedSequence: 0,
      feedChain: chainStart,
      ...createdStamps(actor, at),
      deletedAt: null,
    };
    await insertDeployment(tx, row);
    const variables = await replaceVariables(deps, tx, variablesPlace(row), input.environmentVariables ?? [], at);
    await announceDeployment(deps, tx, row);
    const detail = { name: row.name, workspaceId: row.workspaceId, environmentVariables: variables.added };
    await record(tx, actor, { at, action: 'deployment.created', targetType: 'deployment', targetId: row.id, detail });
    return view(tx, actor, row);
  });
}

/** Fields that are left out stay as they are; the list of variables, when it is there, replaces the one before. */
export async function changeDeployment(
  deps: Deps,
  caller: Principal,
  target: DeploymentParams,
  input: UpdateDeployment,
): Promise<Deployment> {
  return deps.write(caller, async (tx, actor) => {
    const before = await getLocked(tx, actor, target);
    if (!allows(actor, 'deployment.update', placeOf(before))) throw new Problem('permission_denied');
    if (input.workspaceId !== undefined && input.workspaceId !== before.workspaceId) {
      throw invalidField('workspaceId', 'a Deployment stays in its workspace');
    }
    const at = deps.now();
    const change = {
      name: input.name ?? before.name,
      description: input.description ?? before.description,
      airflowUrl: input.airflowUrl === undefined ? before.airflowUrl : baseOf(input.airflowUrl),
      settings: JSON.stringify(mergeSettings(settingsOf(before), input, at)),
      ...updatedStamps(actor, at),
    };
    await updateDeployment(tx, before, change);
    const variables =
      input.environmentVariables && (await replaceVariables(deps, tx, variablesPlace(before), input.environmentVariables, at));
    const row = { ...before, ...change };
    if (row.name !== before.name) await announceDeployment(deps, tx, row); // gateways know the name and nothing else of this
    const detail = { fields: Object.keys(input), ...(variables ? { environmentVariables: variables } : {}) };
    await record(tx, actor, { at, action: 'deployment.updated', targetType: 'deployment', targetId: row.id, detail });
    return view(tx, actor, row);
  });
}

/** Its tokens end with it, and its gateway hears that as the last thing. */
export async function deleteDeployment(deps: Deps, caller: Principal, target: DeploymentParams): Promise<void> {
  await deps.write(caller, async (tx, actor) => {
    const row = await getLocked(tx, actor, target);
    if (!allows(actor, 'deployment.delete', placeOf(row))) throw new Problem('permission_denied');
    const at = deps.now();
    await endTokensOf(deps, tx, actor, { organizationId: row.organizationId, homeScope: 'DEPLOYMENT', homeEntityId: row.id });
    await announceEnd(deps, tx, row);
    await markDeploymentDeleted(tx, row, at);
    await record(tx, actor, { at, action: 'deployment.deleted', targetType: 'deployment', targetId: row.id, detail: { name: row.name } });
  });
}

/** Where callers reach the gateway: from now on the Deployment's API addresses name it. */
export async function setGateway(deps: Deps, caller: Principal, target: DeploymentParams, input: SetGateway): Promise<Deployment> {
  return deps.write(caller, async (tx, actor) => {
    const before = await getLocked(tx, actor, target);
    if (!allows(actor, 'deployment.agentTokens.create', placeOf(before))) throw new Problem('permission_denied');
    const at = deps.now();
    const change = { gatewayUrl: baseOf(input.gatewayUrl), ...updatedStamps(actor, at) };
    await updateDeployment(tx, before, change);
    const detail = { gatewayUrl: change.gatewayUrl };
    await record(tx, actor, { at, action: 'deployment.gateway_set', targetType: 'deployment', targetId: before.id, detail });
    return view(tx, actor, { ...before, ...change });
  });
}

/** @throws Problem `deployment_not_found` when it is not there or the actor may not see it: one answer for both */
async function getLocked(tx: Tx, actor: Principal, target: DeploymentParams): Promise<DeploymentRow> {
  await getOrganizationRow(tx, actor, target.organizationId);
  const row = await lockDeployment(tx, target.organizationId, target.deploymentId);
  if (!row || !allows(actor, 'deployment.get', placeOf(row))) throw new Problem('deployment_not_found');
  return row;
}

async function view(db: Db, caller: Principal, row: DeploymentRow): Promise<Deployment> {
  const [only] = await views(db, caller, [row]);
  if (!only) throw new Error('one row in, one view out');
  return only;
}

/** Four queries beside the rows, however many there are. */
async function views(db: Db, caller: Principal, rows: readonly DeploymentRow[]): Promise<Deployment[]> {
  const { organizationId } = caller;
  const profiles = await loadProfiles(db, organizationId, rows);
  const workspaces = await listWorkspaceNames(db, organizationId, [...new Set(rows.map((row) => row.workspaceId))]);
  const workspaceNames = new Map(workspaces.map(({ id, name }) => [id, name]));
  const open = rows.filter((row) => allows(caller, 'deployment.variables.get', placeOf(row))).map((row) => row.id);
  const variables = Map.groupBy(await listEnvironmentVariables(db, organizationId, open), (variable) => variable.deploymentId);
  return rows.map((row) => {
    const workspaceName = workspaceNames.get(row.workspaceId) ?? ''; // always there: a foreign key says so
    return deploymentView(row, { workspaceName, profiles, variables: variables.get(row.id) ?? [] });
  });
}

const placeOf = (row: DeploymentRow): Entity => ({
  organizationId: row.organizationId,
  workspaceId: row.workspaceId,
  deploymentId: row.id,
});

const variablesPlace = (row: DeploymentRow) => ({ organizationId: row.organizationId, deploymentId: row.id });

/** Paths are appended to it. */
const baseOf = (url: string | undefined): string | null => url?.replace(/\/+$/, '') ?? null;
