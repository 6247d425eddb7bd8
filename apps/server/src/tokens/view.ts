/** Tokens in the words of the wire. `reference/api.md` 2.1, 2.2 and 4.5: what is empty is left out, not null. */
import type { ApiToken, ApiTokenRole, IssuedToken, SubjectRoles } from '@astrolabe/contract';
import type { Principal } from '../deps.ts';
import { toInstant } from '../instants.ts';
import { creatorOf, loadProfiles, type Profiles, updaterOf } from '../members/profiles.ts';
import type { RoleEntry } from '../roles/role-set.ts';
import type { Db } from '../store/open.ts';
import type { TokenRow } from '../store/schema.ts';
import { maySee, type StoredToken } from './sight.ts';

/** The tokens with the roles that the caller may see. */
export async function viewTokens(db: Db, caller: Principal, organizationId: string, tokens: readonly StoredToken[]): Promise<ApiToken[]> {
  const profiles = await loadProfiles(
    db,
    organizationId,
    tokens.map((token) => token.row),
  );
  return tokens.map((token) => viewToken(caller, token, profiles));
}

/** The answer of create and rotate: the only place where a value leaves. */
export async function viewIssued(
  db: Db,
  caller: Principal,
  token: StoredToken,
  value: string,
  previousEndsAt?: number,
): Promise<IssuedToken> {
  const profiles = await loadProfiles(db, token.row.organizationId, [token.row]);
  return {
    ...viewToken(caller, token, profiles),
    token: value,
    ...(previousEndsAt === undefined ? {} : { previousEndsAt: toInstant(previousEndsAt) }),
  };
}

/** What every kind of token has. */
export function viewTokenMembers(row: TokenRow, profiles: Profiles): Omit<ApiToken, 'kind' | 'roles'> {
  const { endAt, expiryPeriodDays, lastUsedAt, lastRotatedAt } = row;
  return {
    id: row.id,
    name: row.name,
    description: row.description,
    scope: row.homeScope,
    type: row.homeScope,
    shortToken: row.shortToken,
    startAt: toInstant(row.startAt),
    ...(endAt === null ? {} : { endAt: toInstant(endAt) }),
    ...(expiryPeriodDays === null ? {} : { expiryPeriodInDays: expiryPeriodDays }),
    ...(lastUsedAt === null ? {} : { lastUsedAt: toInstant(lastUsedAt) }),
    ...(lastRotatedAt === null ? {} : { lastRotatedAt: toInstant(lastRotatedAt) }),
    createdAt: toInstant(row.createdAt),
    createdBy: profiles(creatorOf(row)),
    updatedAt: toInstant(row.updatedAt),
    updatedBy: profiles(updaterOf(row)),
  };
}

/** The answer of every roles call. */
export function viewSubjectRoles(entries: readonly RoleEntry[]): SubjectRoles {
  const organizationRole = entries.find((entry) => entry.entityType === 'ORGANIZATION')?.role;
  const of = (...types: RoleEntry['entityType'][]): RoleEntry[] => entries.filter((entry) => types.includes(entry.entityType));
  const workspaceRoles = of('WORKSPACE').map(({ entityId, role }) => ({ workspaceId: entityId, role }));
  const deploymentRoles = of('DEPLOYMENT').map(({ entityId, role }) => ({ deploymentId: entityId, role }));
  const dagRoles = of('DAG', 'DAG_TAG').map(({ entityType, entityId, deploymentId, role }) => ({
    deploymentId,
    role,
    ...(entityType === 'DAG' ? { dagId: entityId } : { dagTag: entityId }),
  }));
  return {
    ...(organizationRole === undefined ? {} : { organizationRole }),
    ...(workspaceRoles.length > 0 ? { workspaceRoles } : {}),
    ...(deploymentRoles.length > 0 ? { deploymentRoles } : {}),
    ...(dagRoles.length > 0 ? { dagRoles } : {}),
  };
}

function viewToken(caller: Principal, { row, entries }: StoredToken, profiles: Profiles): ApiToken {
  return {
    ...viewTokenMembers(row, profiles),
    kind: row.kind === 'DIRECT_ACCESS' ? 'DIRECT_ACCESS' : 'STANDARD', // agent tokens have a view of their own
    roles: entries.filter((entry) => maySee(caller, row.id, entry)).map(viewRole),
  };
}

const viewRole = ({ entityType, entityId, role, deploymentId }: RoleEntry): ApiTokenRole => ({
  entityType,
  entityId,
  role,
  ...(deploymentId === '' ? {} : { deploymentId }),
});
