/**
 * Agent tokens: the credential with which a gateway fetches the feed of its Deployment. They hold no roles, are good for
 * nothing but `/data-plane`, and are not among the API tokens. Design section 8; `reference/api.md` 2.3.
 */
import type {
  AgentToken,
  AgentTokenList,
  AgentTokenListQuery,
  AgentTokenParams,
  CreateAgentToken,
  DeploymentParams,
  IssuedAgentToken,
} from '@astrolabe/contract';
import { allows, type Entity, type Permission } from '@astrolabe/policy';
import { record } from '../audit/audit.ts';
import type { Deps, Principal } from '../deps.ts';
import { loadProfiles, type Profiles, updatedStamps } from '../members/profiles.ts';
import { Problem } from '../problem.ts';
import { findDeployment, lockDeployment } from '../store/deployments.ts';
import type { Db } from '../store/open.ts';
import type { TokenRow } from '../store/schema.ts';
import { endToken, findToken, listAgentTokens as listRows, lockToken } from '../store/tokens.ts';
import { firstEnd } from '../tokens/expiry.ts';
import { issueToken } from '../tokens/issue.ts';
import { viewTokenMembers } from '../tokens/view.ts';

/** @throws Problem `deployment_not_found`, `permission_denied` */
export async function listAgentTokens(
  deps: Deps,
  caller: Principal,
  target: DeploymentParams,
  query: AgentTokenListQuery,
): Promise<AgentTokenList> {
  const place = await getPlace(deps.read, caller, target, findDeployment);
  demand(caller, 'deployment.agentTokens.get', place);
  const { limit, offset } = query;
  const sorts = query.sorts.map(({ field, direction }) => ({ field: columns[field], direction }));
  const { rows, totalCount } = await listRows(deps.read, place.organizationId, place.deploymentId, sorts, { limit, offset });
  const profiles = await loadProfiles(deps.read, place.organizationId, rows);
  return { tokens: rows.map((row) => view(row, profiles)), limit, offset, totalCount };
}

/** @throws Problem `deployment_not_found`, `token_not_found` */
export async function getAgentToken(deps: Deps, caller: Principal, target: AgentTokenParams): Promise<AgentToken> {
  const place = await getPlace(deps.read, caller, target, findDeployment);
  const row = await getVisible(deps.read, caller, place, target.agentTokenId, findToken);
  return view(row, await loadProfiles(deps.read, row.organizationId, [row]));
}

/**
 * The value carries the thumbprint of the feed key, so that the gateway knows whom to believe from its first line on.
 * @throws Problem `deployment_not_found`, `permission_denied`, `invalid_request`, `name_taken`
 */
export async function createAgentToken(
  deps: Deps,
  caller: Principal,
  target: DeploymentParams,
  input: CreateAgentToken,
): Promise<IssuedAgentToken> {
  return deps.write(caller, async (tx, actor) => {
    const place = await getPlace(tx, actor, target, lockDeployment);
    demand(actor, 'deployment.agentTokens.create', place);
    const at = deps.now();
    const { name, description, tokenExpiryPeriodInDays: expiryPeriodDays } = input;
    const draft = {
      organizationId: place.organizationId,
      homeScope: 'DEPLOYMENT',
      homeEntityId: place.deploymentId,
      kind: 'AGENT',
      place,
      name,
      description,
      expiryPeriodDays,
      endsAt: firstEnd(actor, { permission: 'deployment.agentTokens.create', place }, expiryPeriodDays, at),
      entries: [],
    } as const;
    const { row, value } = await issueToken(deps, tx, actor, draft, at);
    return { ...view(row, await loadProfiles(tx, row.organizationId, [row])), token: value };
  });
}

/**
 * Ends the token for good: its gateway gets a signed last word and refuses everything from then on.
 * @throws Problem `deployment_not_found`, `token_not_found`, `permission_denied`
 */
export async function deleteAgentToken(deps: Deps, caller: Principal, target: AgentTokenParams): Promise<void> {
  await deps.write(caller, async (tx, actor) => {
    const place = await getPlace(tx, actor, target, findDeployment);
    const token = await getVisible(tx, actor, place, target.agentTokenId, lockToken);
    demand(actor, 'deployment.agentTokens.delete', place);
    const at = deps.now();
    const row = await endToken(tx, token, at, updatedStamps(actor, at));
    const { name, shortToken } = row;
    await record(tx, actor, {
      at,
      action: 'agent_token.deleted',
      targetType: 'agent_token',
      targetId: row.id,
      detail: { name, shortToken },
    });
  });
}

type Place = Entity & { readonly workspaceId: string; readonly deploymentId: string };

const columns: { readonly [F in AgentTokenListQuery['sorts'][number]['field']]: keyof TokenRow } = {
  name: 'name',
  description: 'description',
  createdAt: 'createdAt',
  updatedAt: 'updatedAt',
  createdById: 'createdBy',
  updatedById: 'updatedBy',
  tokenStartAt: 'startAt',
};

/** The Deployment of the path. @throws Problem `deployment_not_found` when it is not there or not the caller's business */
async function getPlace<D extends Db>(
  db: D,
  caller: Principal,
  { organizationId, deploymentId }: Pick<DeploymentParams, 'organizationId' | 'deploymentId'>,
  find: (db: D, organizationId: string, deploymentId: string) => Promise<{ workspaceId: string } | undefined>,
): Promise<Place> {
  const row = caller.organizationId === organizationId ? await find(db, organizationId, deploymentId) : undefined;
  const place = row && { organizationId, workspaceId: row.workspaceId, deploymentId };
  if (!place || !allows(caller, 'deployment.get', place)) throw new Problem('deployment_not_found');
  return place;
}

async function getVisible<D extends Db>(
  db: D,
  caller: Principal,
  place: Place,
  tokenId: string,
  find: (db: D, organizationId: string, tokenId: string) => Promise<TokenRow | undefined>,
): Promise<TokenRow> {
  const row = allows(caller, 'deployment.agentTokens.get', place) ? await find(db, place.organizationId, tokenId) : undefined;
  if (row?.kind !== 'AGENT' || row.homeEntityId !== place.deploymentId) throw new Problem('token_not_found');
  return row;
}

function demand(caller: Principal, permission: Permission, place: Place): void {
  if (!allows(caller, permission, place))
    throw new Problem('permission_denied', `Needs ${permission} on Deployment ${place.deploymentId}.`);
}

const view = (row: TokenRow, profiles: Profiles): AgentToken => ({ ...viewTokenMembers(row, profiles), kind: 'AGENT' });
