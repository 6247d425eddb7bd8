/** What there is after the first start: an organization, a workspace, its owner, and a way in. */
import { chainStart } from '@astrolabe/contract';
import { record } from './audit/audit.ts';
import type { Deps, Principal } from './deps.ts';
import { createId } from './ids.ts';
import { toInstant } from './instants.ts';
import { createdStamps } from './members/profiles.ts';
import { ownerTokenDays, writeOwnerToken } from './owner-token-file.ts';
import type { RoleEntry } from './roles/role-set.ts';
import type { Tx } from './store/open.ts';
import { insertOrganization } from './store/organizations.ts';
import { insertUser } from './store/users.ts';
import { insertWorkspace } from './store/workspaces.ts';
import { issueToken } from './tokens/issue.ts';
import { systemPrincipal } from './tokens/principal.ts';

const dayMs = 24 * 60 * 60 * 1000;

/** What the first start made, to be told; no secret in it. */
export interface FirstStart {
  readonly organizationId: string;
  readonly workspaceId: string;
  /** Holds the first Organization Owner token. */
  readonly ownerTokenFile: string;
  /** RFC 3339. */
  readonly ownerTokenEndsAt: string;
}

/** Makes the first tenant in one transaction, and writes its owner's token to `owner-token` in the data folder, mode 0600. */
export async function createFirstTenant(deps: Deps): Promise<FirstStart> {
  const at = deps.now();
  const system = systemPrincipal(createId(at));
  const organizationId = system.organizationId;
  const made = await deps.write(system, async (tx, actor) => {
    const workspaceId = await insertTenant(tx, actor, at);
    return { workspaceId, ...(await issueOwnerToken(deps, tx, actor, 'Owner', at)) };
  });
  return {
    organizationId,
    workspaceId: made.workspaceId,
    ownerTokenFile: writeOwnerToken(deps.config, made.value),
    ownerTokenEndsAt: toInstant(made.endsAt),
  };
}

/** An Organization Owner token of 30 days. */
export async function issueOwnerToken(
  deps: Deps,
  tx: Tx,
  actor: Principal,
  name: string,
  at: number,
): Promise<{ value: string; endsAt: number }> {
  const { organizationId } = actor;
  const role: RoleEntry = { entityType: 'ORGANIZATION', entityId: organizationId, deploymentId: '', role: 'ORGANIZATION_OWNER' };
  const draft = {
    organizationId,
    homeScope: 'ORGANIZATION',
    homeEntityId: organizationId,
    place: { organizationId },
    kind: 'STANDARD',
    name,
    description: 'Made by the installation for whoever owns its data folder.',
    expiryPeriodDays: ownerTokenDays,
    endsAt: at + ownerTokenDays * dayMs,
    entries: [role],
  } as const;
  const { row, value } = await issueToken(deps, tx, actor, draft, at);
  return { value, endsAt: row.endAt ?? draft.endsAt };
}

async function insertTenant(tx: Tx, actor: Principal, at: number): Promise<string> {
  const { organizationId } = actor;
  const stamps = createdStamps(actor, at);
  const organization = { name: 'My Organization', settings: '{}', auditSequence: 0, auditChain: chainStart };
  await insertOrganization(tx, { id: organizationId, ...organization, ...stamps, deletedAt: null });
  const workspaceId = createId(at);
  const workspace = { name: 'My Workspace', description: '', cicdEnforcedDefault: 0, settings: '{}' };
  await insertWorkspace(tx, { id: workspaceId, organizationId, ...workspace, ...stamps, deletedAt: null });
  await insertUser(tx, { id: createId(at), organizationId, username: 'owner', fullName: 'Owner', createdAt: at, updatedAt: at });
  await record(tx, actor, {
    at,
    action: 'organization.created',
    targetType: 'organization',
    targetId: organizationId,
    detail: { name: organization.name },
  });
  await record(tx, actor, {
    at,
    action: 'workspace.created',
    targetType: 'workspace',
    targetId: workspaceId,
    detail: { name: workspace.name },
  });
  return workspaceId;
}
