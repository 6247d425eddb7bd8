import { z } from 'zod';
import { Id, Instant, nameUpTo, PathId, textUpTo } from './ids.ts';
import { pageMembers, paging, queryBoolean, sortsBy } from './lists.ts';
import { BasicSubjectProfile } from './subjects.ts';

const Product = z.enum(['HOSTED', 'HYBRID']);

/** The top of the hierarchy. Billing and plans are stored and echoed only. */
export const Organization = z
  .object({
    id: Id,
    name: z.string(),
    product: Product.describe('Always there: clients read it without asking.'),
    status: z.enum(['ACTIVE', 'INACTIVE', 'SUSPENDED']).exactOptional(),
    billingEmail: z.string().exactOptional(),
    paymentMethod: z.string().exactOptional(),
    supportPlan: z.string().describe('For clients of v1beta1.'),
    productPlans: z.array(
      z.object({ astronomerProduct: z.string(), organizationId: Id, productPlanId: z.string(), productPlanName: z.string() }),
    ),
    trialExpiresAt: Instant.exactOptional(),
    isScimEnabled: z.boolean(),
    allowEnhancedSupportAccess: z.boolean(),
    hasAiFeaturesDisabled: z.boolean().exactOptional(),
    isBlockedEnableAiFeatures: z.boolean(),
    hasAllowedIpAddressRanges: z.boolean(),
    shouldEnforceDedicatedClusters: z.boolean(),
    createdAt: Instant,
    createdBy: BasicSubjectProfile,
    updatedAt: Instant,
    updatedBy: BasicSubjectProfile,
  })
  .meta({ id: 'Organization' });
export type Organization = z.infer<typeof Organization>;

export const OrganizationList = z.object({ organizations: z.array(Organization), ...pageMembers }).meta({ id: 'OrganizationsPaginated' });
export type OrganizationList = z.infer<typeof OrganizationList>;

/** Path of everything in an organization. */
export const OrganizationParams = z.strictObject({ organizationId: PathId });
export type OrganizationParams = z.infer<typeof OrganizationParams>;

export const organizationSortFields = ['name', 'createdAt', 'updatedAt'] as const;

/** Query of `GET /organizations`. */
export const OrganizationListQuery = z.strictObject({
  productPlan: textUpTo(100).exactOptional(),
  astronomerProduct: textUpTo(100).exactOptional(),
  product: Product.exactOptional(),
  ...paging,
  sorts: sortsBy(organizationSortFields),
});
export type OrganizationListQuery = z.infer<typeof OrganizationListQuery>;

/** Query of `GET /organizations/{id}`. */
export const OrganizationQuery = z.strictObject({
  isLookUpOnly: queryBoolean.exactOptional().describe('Metadata only; the answer is the same.'),
});

/** Body of `POST /organizations/{id}`. */
export const UpdateOrganization = z
  .strictObject({
    name: nameUpTo(50),
    billingEmail: textUpTo(320),
    isScimEnabled: z.boolean(),
    allowEnhancedSupportAccess: z.boolean().exactOptional(),
    hasAiFeaturesDisabled: z.boolean().exactOptional(),
    shouldEnforceDedicatedClusters: z.boolean().exactOptional(),
  })
  .meta({ id: 'UpdateOrganizationRequest' });
export type UpdateOrganization = z.infer<typeof UpdateOrganization>;
