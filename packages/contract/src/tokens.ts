/** API tokens: what is asked, what is answered. Only `IssuedToken` has a member for the value. */
import { z } from 'zod';
import { Id, Instant, nameUpTo, PathId, Reference, textUpTo } from './ids.ts';
import { pageMembers, paging, queryBoolean, repeated, sortsBy } from './lists.ts';
import { BasicSubjectProfile } from './subjects.ts';

/** Level a token lives at: `scope` in v1, `type` in v1beta1. Fixed at creation. */
export const TokenScope = z.enum(['ORGANIZATION', 'WORKSPACE', 'DEPLOYMENT']);
export type TokenScope = z.infer<typeof TokenScope>;

/** `DIRECT_ACCESS` tokens work at the gateway while the control plane is down. Fixed at creation. */
export const ApiTokenKind = z.enum(['STANDARD', 'DIRECT_ACCESS']);
export type ApiTokenKind = z.infer<typeof ApiTokenKind>;

export const RoleEntityType = z.enum(['ORGANIZATION', 'WORKSPACE', 'DEPLOYMENT', 'DAG', 'DAG_TAG']);

/** Days from now until a value ends; absent: never. */
export const ExpiryPeriodInDays = z.int().min(1).max(3650);

/** A role of a token on one entity. */
export const ApiTokenRole = z
  .strictObject({
    entityType: RoleEntityType,
    entityId: Reference.describe('Id of the organization, workspace or Deployment; for DAG the Dag id, for DAG_TAG the tag.'),
    role: Reference.describe('Name of a built-in role, name or id of a custom one.'),
    deploymentId: Reference.exactOptional().describe('Where the Dag or tag lives: required for DAG and DAG_TAG, refused otherwise.'),
  })
  .superRefine(({ entityType, deploymentId }, context) => {
    const onDag = entityType === 'DAG' || entityType === 'DAG_TAG';
    if (onDag === (deploymentId !== undefined)) return;
    const message = onDag ? `is required for ${entityType}` : `is not for ${entityType}`;
    context.addIssue({ code: 'custom', path: ['deploymentId'], message });
  })
  .meta({ id: 'ApiTokenRole' });
export type ApiTokenRole = z.infer<typeof ApiTokenRole>;

/** A token as everybody who may see it sees it. */
export const ApiToken = z
  .object({
    id: Id,
    name: z.string(),
    description: z.string(),
    scope: TokenScope,
    type: TokenScope.describe('The same as `scope`, for clients of v1beta1.'),
    kind: ApiTokenKind,
    shortToken: z.string().describe('First 8 hex digits of a hash of the value: recognises it, never rebuilds it.'),
    roles: z.array(ApiTokenRole),
    startAt: Instant,
    endAt: Instant.exactOptional().describe('When the newest value ends; absent: never.'),
    expiryPeriodInDays: ExpiryPeriodInDays.exactOptional(),
    lastUsedAt: Instant.exactOptional(),
    lastRotatedAt: Instant.exactOptional(),
    createdAt: Instant,
    createdBy: BasicSubjectProfile.exactOptional(),
    updatedAt: Instant,
    updatedBy: BasicSubjectProfile.exactOptional(),
  })
  .meta({ id: 'ApiToken' });
export type ApiToken = z.infer<typeof ApiToken>;

/** Answer of create and rotate, the only two that hold the value. Goes out with `Cache-Control: no-store`. */
export const IssuedToken = ApiToken.extend({
  token: z.string().describe('The value. It is shown this once.'),
  previousEndsAt: Instant.exactOptional().describe('After a rotation: when the value before ends.'),
}).meta({ id: 'IssuedApiToken' });
export type IssuedToken = z.infer<typeof IssuedToken>;

export const TokenList = z.object({ tokens: z.array(ApiToken), ...pageMembers }).meta({ id: 'ApiTokensPaginated' });
export type TokenList = z.infer<typeof TokenList>;

/** Path of one token. */
export const TokenParams = z.strictObject({ organizationId: PathId, tokenId: PathId });
export type TokenParams = z.infer<typeof TokenParams>;

export const tokenSortFields = ['name', 'description', 'createdAt', 'updatedAt', 'tokenStartAt'] as const;

/** Query of `GET …/tokens`. */
export const TokenListQuery = z.strictObject({
  workspaceId: Reference.exactOptional().describe('Tokens with a role in the workspace, its own and assigned ones.'),
  deploymentId: Reference.exactOptional().describe('Tokens with a role in the Deployment, its own and assigned ones.'),
  dagId: Reference.exactOptional().describe('Tokens with a role on the Dag.'),
  dagTags: repeated(Reference).exactOptional().describe('Tokens with a role on one of the tags.'),
  includeOnlyOrganizationTokens: queryBoolean.exactOptional().describe('Only tokens that live in the organization.'),
  kind: ApiTokenKind.exactOptional(),
  ...paging,
  sorts: sortsBy(tokenSortFields),
});
export type TokenListQuery = z.infer<typeof TokenListQuery>;

const createMembers = {
  name: nameUpTo(256),
  description: textUpTo(500).default(''),
  role: Reference.describe('Role on the home entity.'),
  entityId: Reference.exactOptional().describe('The home: required for WORKSPACE and DEPLOYMENT, refused for ORGANIZATION.'),
  kind: ApiTokenKind.default('STANDARD'),
  tokenExpiryPeriodInDays: ExpiryPeriodInDays.exactOptional().describe(
    'Absent: the token never ends. DIRECT_ACCESS needs one of at most 365.',
  ),
};

/** Body of `POST /v1/…/tokens`. */
export const CreateToken = z
  .strictObject({ ...createMembers, scope: TokenScope })
  .superRefine(({ scope, entityId }, context) => checkHome(scope, entityId, context))
  .meta({ id: 'CreateApiTokenRequest' });
export type CreateToken = z.infer<typeof CreateToken>;

/** Body of `POST /iam/v1beta1/…/tokens`. */
export const CreateTokenV1Beta1 = z
  .strictObject({ ...createMembers, type: TokenScope })
  .superRefine(({ type, entityId }, context) => checkHome(type, entityId, context))
  .meta({ id: 'CreateApiTokenV1Beta1Request' });
export type CreateTokenV1Beta1 = z.infer<typeof CreateTokenV1Beta1>;

/** Body of `POST …/tokens/{id}`. Nothing else of a token can be changed. */
export const UpdateToken = z
  .strictObject({ name: nameUpTo(256), description: textUpTo(500).exactOptional().describe('Absent: stays as it is.') })
  .meta({ id: 'UpdateApiTokenRequest' });
export type UpdateToken = z.infer<typeof UpdateToken>;

/**
 * Body of `POST …/tokens/{id}/roles`: the whole list, as it shall be, of the roles that the caller may see. It is empty when
 * the only one of those goes, such as an assignment from elsewhere; existing clients send that.
 */
export const TokenRoles = z.strictObject({ roles: z.array(ApiTokenRole).max(1000) }).meta({ id: 'UpdateApiTokenRolesRequest' });
export type TokenRoles = z.infer<typeof TokenRoles>;

/** Answer of every roles call. An empty list is left out. */
export const SubjectRoles = z
  .object({
    organizationRole: z.string().exactOptional(),
    workspaceRoles: z.array(z.object({ workspaceId: Id, role: z.string() })).exactOptional(),
    deploymentRoles: z.array(z.object({ deploymentId: Id, role: z.string() })).exactOptional(),
    dagRoles: z
      .array(
        z.object({
          deploymentId: Id,
          role: z.string(),
          dagId: z.string().exactOptional().describe('This or `dagTag`.'),
          dagTag: z.string().exactOptional().describe('This or `dagId`.'),
        }),
      )
      .exactOptional(),
  })
  .meta({ id: 'SubjectRoles' });
export type SubjectRoles = z.infer<typeof SubjectRoles>;

/** Body of `POST …/rotate`; may be absent. `overlapSeconds`: how long the old value goes on working; 0 ends it at once. */
export const RotateToken = z.strictObject({ overlapSeconds: z.int().min(0).max(604_800).default(0) }).meta({ id: 'RotateApiTokenRequest' });
export type RotateToken = z.infer<typeof RotateToken>;

function checkHome(scope: TokenScope, entityId: string | undefined, context: z.RefinementCtx): void {
  const needsHome = scope !== 'ORGANIZATION';
  if (needsHome === (entityId !== undefined)) return;
  const message = needsHome ? `is required for ${scope}` : 'is not for ORGANIZATION: the token lives in the organization of the path';
  context.addIssue({ code: 'custom', path: ['entityId'], message });
}
