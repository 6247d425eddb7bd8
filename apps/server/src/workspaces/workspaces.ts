/** Workspaces: groups of Deployments. */
import type { CreateWorkspace, UpdateWorkspace, Workspace, WorkspaceList, WorkspaceListQuery, WorkspaceParams } from '@astrolabe/contract';
import { allows, type Entity } from '@astrolabe/policy';
import { record } from '../audit/audit.ts';
import type { Deps, Principal } from '../deps.ts';
import { createId } from '../ids.ts';
import { toInstant } from '../instants.ts';
import { createdStamps, creatorOf, loadProfiles, type Profiles, updatedStamps, updaterOf } from '../members/profiles.ts';
import { getOrganizationRow } from '../organizations/organizations.ts';
import { reachOf } from '../organizations/reach.ts';
import { Problem } from '../problem.ts';
import { countDeployments } from '../store/deployments.ts';
import type { Db } from '../store/open.ts';
import type { WorkspaceRow } from '../store/schema.ts';
import {
  findWorkspace,
  insertWorkspace,
  listWorkspaces as listRows,
  lockWorkspace,
  markWorkspaceDeleted,
  updateWorkspace,
} from '../store/workspaces.ts';
import { endTokensOf } from '../tokens/ending.ts';

/** What is only stored and echoed: where new Deployments go. */
type WorkspaceSettings = Pick<Workspace, 'defaultClusterId' | 'defaultCloudProvider' | 'defaultRegion'>;

const defaultLimit = 20;

export async function listWorkspaces(
  deps: Deps,
  caller: Principal,
  organizationId: string,
  query: WorkspaceListQuery,
): Promise<WorkspaceList> {
  const { name: organizationName } = await getOrganizationRow(deps.read, caller, organizationId);
  const { workspaceIds: ids, names, offset, sorts } = query;
  const limit = query.limit ?? Math.max(defaultLimit, ids?.length ?? 0); // whoever names ids wants all of them
  const reach = reachOf(caller, 'workspace.get');
  const { rows, totalCount } = await listRows(
    deps.read,
    {
      organizationId,
      ...(reach.everywhere ? {} : { visibleIds: reach.workspaceIds }),
      ...(ids ? { ids } : {}),
      ...(names ? { names } : {}),
    },
    sorts,
    { limit, offset },
  );
  const profiles = await loadProfiles(deps.read, organizationId, rows);
  return { workspaces: rows.map((row) => view(row, organizationName, profiles)), limit, offset, totalCount };
}

export async function getWorkspace(deps: Deps, caller: Principal, { organizationId, workspaceId }: WorkspaceParams): Promise<Workspace> {
  await getOrganizationRow(deps.read, caller, organizationId);
  const row = await findWorkspace(deps.read, organizationId, workspaceId);
  if (!row || !allows(caller, 'workspace.get', placeOf(row))) throw new Problem('workspace_not_found');
  return load(deps.read, caller, row);
}

export async function createWorkspace(deps: Deps, caller: Principal, organizationId: string, input: CreateWorkspace): Promise<Workspace> {
  return deps.write(caller, async (tx, actor) => {
    await getOrganizationRow(tx, actor, organizationId);
    if (!allows(actor, 'organization.workspaces.create', { organizationId })) throw new Problem('permission_denied');
    const at = deps.now();
    const { name, description, cicdEnforcedDefault, ...settings } = input;
    const row: WorkspaceRow = {
      id: createId(at),
      organizationId,
      name,
      description,
      cicdEnforcedDefault: Number(cicdEnforcedDefault),
      settings: JSON.stringify(settings),
      ...createdStamps(actor, at),
      deletedAt: null,
    };
    await insertWorkspace(tx, row);
    await record(tx, actor, { at, action: 'workspace.created', targetType: 'workspace', targetId: row.id, detail: { name } });
    return load(tx, actor, row);
  });
}

/** Fields that are left out stay as they are; the two ways of naming a cluster replace each other. */
export async function changeWorkspace(deps: Deps, caller: Principal, target: WorkspaceParams, input: UpdateWorkspace): Promise<Workspace> {
  return deps.write(caller, async (tx, actor) => {
    await getOrganizationRow(tx, actor, target.organizationId);
    const before = await lockWorkspace(tx, target.organizationId, target.workspaceId);
    if (!before || !allows(actor, 'workspace.get', placeOf(before))) throw new Problem('workspace_not_found');
    if (!allows(actor, 'workspace.update', placeOf(before))) throw new Problem('permission_denied');
    const at = deps.now();
    const { name, description = before.description, cicdEnforcedDefault, ...settings } = input;
    const row = await updateWorkspace(tx, before, {
      name,
      description,
      cicdEnforcedDefault: cicdEnforcedDefault === undefined ? before.cicdEnforcedDefault : Number(cicdEnforcedDefault),
      settings: Object.keys(settings).length > 0 ? JSON.stringify(settings) : before.settings,
      ...updatedStamps(actor, at),
    });
    const fields = Object.keys(input);
    await record(tx, actor, { at, action: 'workspace.updated', targetType: 'workspace', targetId: row.id, detail: { fields } });
    return load(tx, actor, row);
  });
}

/**
 * Its tokens end with it.
 * @throws Problem `workspace_not_empty` while it has Deployments
 */
export async function deleteWorkspace(deps: Deps, caller: Principal, target: WorkspaceParams): Promise<void> {
  await deps.write(caller, async (tx, actor) => {
    await getOrganizationRow(tx, actor, target.organizationId);
    const row = await lockWorkspace(tx, target.organizationId, target.workspaceId);
    if (!row || !allows(actor, 'workspace.get', placeOf(row))) throw new Problem('workspace_not_found');
    if (!allows(actor, 'workspace.delete', placeOf(row))) throw new Problem('permission_denied');
    const deployments = await countDeployments(tx, row.organizationId, row.id);
    if (deployments > 0) throw new Problem('workspace_not_empty', `Delete its Deployments first: there are ${deployments}.`);
    const at = deps.now();
    await endTokensOf(deps, tx, actor, { organizationId: row.organizationId, homeScope: 'WORKSPACE', homeEntityId: row.id });
    await markWorkspaceDeleted(tx, row, at);
    await record(tx, actor, { at, action: 'workspace.deleted', targetType: 'workspace', targetId: row.id, detail: { name: row.name } });
  });
}

const placeOf = (row: WorkspaceRow): Entity => ({ organizationId: row.organizationId, workspaceId: row.id });

async function load(db: Db, caller: Principal, row: WorkspaceRow): Promise<Workspace> {
  const { name } = await getOrganizationRow(db, caller, row.organizationId);
  return view(row, name, await loadProfiles(db, row.organizationId, [row]));
}

function view(row: WorkspaceRow, organizationName: string, profiles: Profiles): Workspace {
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    organizationId: row.organizationId,
    organizationName,
    cicdEnforcedDefault: row.cicdEnforcedDefault === 1,
    ...(JSON.parse(row.settings) as WorkspaceSettings), // written by createWorkspace and changeWorkspace
    createdAt: toInstant(row.createdAt),
    createdBy: profiles(creatorOf(row)),
    updatedAt: toInstant(row.updatedAt),
    updatedBy: profiles(updaterOf(row)),
  };
}
