import type { CreateToken, IssuedToken } from '@astrolabe/contract';
import { allows, type Entity } from '@astrolabe/policy';
import type { Deps, Principal } from '../deps.ts';
import { Problem } from '../problem.ts';
import { checkRole, describe, type RoleEntry } from '../roles/role-set.ts';
import { lockDeployment } from '../store/deployments.ts';
import type { Tx } from '../store/open.ts';
import { lockOrganization } from '../store/organizations.ts';
import { listDeploymentPlaces } from '../store/places.ts';
import { lockWorkspace } from '../store/workspaces.ts';
import { checkDirectAccessExpiry, firstEnd } from './expiry.ts';
import { freezeGrants } from './frozen-grants.ts';
import { issueToken } from './issue.ts';
import { demandCovering, denied, type PlacedEntry, placeEntry, tokenPermission } from './sight.ts';
import { viewIssued } from './view.ts';

/**
 * Makes a token with one role on its home, and its first value.
 *
 * The caller needs the right to create tokens there and every right that the role gives; for direct access also
 * `organization.directAccessTokens.create`, which only an Organization Owner has.
 * @throws Problem `organization_not_found`, `workspace_not_found`, `deployment_not_found`, `permission_denied`, `role_unknown`,
 *   `expiry_required`, `invalid_request`, `token_too_large`, `name_taken`
 */
export async function createToken(deps: Deps, caller: Principal, organizationId: string, input: CreateToken): Promise<IssuedToken> {
  return deps.write(caller, async (tx, actor) => {
    const home = await lockHome(tx, actor, organizationId, input);
    const right = { permission: tokenPermission(input.scope, 'create'), place: home.place };
    demandCreating(actor, input, home);
    const entry: RoleEntry = { entityType: input.scope, entityId: home.id, deploymentId: '', role: input.role };
    checkRole(entry);
    const entries = [placeEntry(entry, home.place)];
    demandCovering(actor, undefined, entries);
    const { tokenExpiryPeriodInDays: expiryPeriodDays, kind } = input;
    if (kind === 'DIRECT_ACCESS') checkDirectAccessExpiry(expiryPeriodDays);
    const at = deps.now();
    const draft = {
      organizationId,
      homeScope: input.scope,
      homeEntityId: home.id,
      place: home.place,
      kind,
      name: input.name,
      description: input.description,
      expiryPeriodDays,
      endsAt: firstEnd(actor, right, expiryPeriodDays, at),
      entries: [entry],
      ...(kind === 'DIRECT_ACCESS' ? { grants: await freeze(tx, home.place, entries) } : {}),
    };
    const { row, value } = await issueToken(deps, tx, actor, draft, at);
    return viewIssued(tx, actor, { row, entries }, value);
  });
}

interface Home {
  readonly id: string;
  readonly place: Entity;
}

/**
 * The entity the token shall live in, locked: nobody deletes it before the token is there, or a token would survive.
 * @throws Problem when it is not there or not the caller's business
 */
async function lockHome(tx: Tx, actor: Principal, organizationId: string, input: Pick<CreateToken, 'scope' | 'entityId'>): Promise<Home> {
  const { scope, entityId = organizationId } = input;
  if (actor.organizationId !== organizationId) throw new Problem('organization_not_found');
  if (scope === 'ORGANIZATION') {
    if (!(await lockOrganization(tx, organizationId))) throw new Problem('organization_not_found');
    return { id: organizationId, place: { organizationId } };
  }
  const isDeployment = scope === 'DEPLOYMENT';
  const row = isDeployment ? await lockDeployment(tx, organizationId, entityId) : await lockWorkspace(tx, organizationId, entityId);
  const place =
    row &&
    ('workspaceId' in row
      ? { organizationId, workspaceId: row.workspaceId, deploymentId: row.id }
      : { organizationId, workspaceId: row.id });
  const isVisible =
    place &&
    (allows(actor, isDeployment ? 'deployment.get' : 'workspace.get', place) || allows(actor, tokenPermission(scope, 'create'), place));
  if (!isVisible) throw new Problem(isDeployment ? 'deployment_not_found' : 'workspace_not_found');
  return { id: row.id, place };
}

function demandCreating(actor: Principal, { scope, kind }: Pick<CreateToken, 'scope' | 'kind'>, home: Home): void {
  if (!allows(actor, tokenPermission(scope, 'create'), home.place)) {
    throw denied(scope, 'create', describe({ entityType: scope, entityId: home.id, deploymentId: '' }));
  }
  if (kind === 'DIRECT_ACCESS' && !allows(actor, 'organization.directAccessTokens.create', { organizationId: home.place.organizationId })) {
    throw new Problem('permission_denied', 'Only an Organization Owner creates direct access tokens.');
  }
}

async function freeze(tx: Tx, { organizationId, workspaceId, deploymentId }: Entity, entries: readonly PlacedEntry[]) {
  const reached = await listDeploymentPlaces(tx, organizationId, workspaceId);
  return freezeGrants(
    entries,
    reached.filter((deployment) => deploymentId === undefined || deployment.id === deploymentId),
  );
}
