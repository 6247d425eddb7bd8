/** The organization: its settings, and who may see it. Every valid token may read its own. */
import type { Organization, OrganizationList, OrganizationListQuery, UpdateOrganization } from '@astrolabe/contract';
import { allows } from '@astrolabe/policy';
import { record } from '../audit/audit.ts';
import type { Deps, Principal } from '../deps.ts';
import { toInstant } from '../instants.ts';
import { creatorOf, loadProfiles, type Profiles, updatedStamps, updaterOf } from '../members/profiles.ts';
import { Problem } from '../problem.ts';
import type { Db } from '../store/open.ts';
import { findOrganization, lockOrganization, updateOrganization } from '../store/organizations.ts';
import type { OrganizationRow } from '../store/schema.ts';

/** What is only stored and echoed. */
interface OrganizationSettings {
  readonly billingEmail?: string;
  readonly isScimEnabled: boolean;
  readonly allowEnhancedSupportAccess: boolean;
  readonly hasAiFeaturesDisabled: boolean;
  readonly shouldEnforceDedicatedClusters: boolean;
}

const defaultSettings: OrganizationSettings = {
  isScimEnabled: false,
  allowEnhancedSupportAccess: false,
  hasAiFeaturesDisabled: false,
  shouldEnforceDedicatedClusters: false,
};

/** There are no plans here; clients want to see one. */
const plan = { astronomerProduct: 'ASTRO', productPlanId: 'self-hosted', productPlanName: 'ENTERPRISE' } as const;

/** A token lives in one organization, so the list has one entry, or none when a filter leaves it out. */
export async function listOrganizations(deps: Deps, caller: Principal, query: OrganizationListQuery): Promise<OrganizationList> {
  const row = await getOrganizationRow(deps.read, caller, caller.organizationId);
  const organization = view(row, await loadProfiles(deps.read, row.id, [row]));
  const matches =
    (query.product ?? organization.product) === organization.product &&
    (query.astronomerProduct ?? plan.astronomerProduct) === plan.astronomerProduct &&
    (query.productPlan ?? plan.productPlanName) === plan.productPlanName;
  const { limit, offset } = query;
  const all = matches ? [organization] : [];
  return { organizations: all.slice(offset, offset + limit), limit, offset, totalCount: all.length };
}

export async function getOrganization(deps: Deps, caller: Principal, organizationId: string): Promise<Organization> {
  const row = await getOrganizationRow(deps.read, caller, organizationId);
  return view(row, await loadProfiles(deps.read, row.id, [row]));
}

export async function changeOrganization(
  deps: Deps,
  caller: Principal,
  organizationId: string,
  input: UpdateOrganization,
): Promise<Organization> {
  return deps.write(caller, async (tx, actor) => {
    const before = isOwn(actor, organizationId) ? await lockOrganization(tx, organizationId) : undefined;
    if (!before) throw new Problem('organization_not_found');
    if (!allows(actor, 'organization.settings.update', { organizationId })) throw new Problem('permission_denied');
    const at = deps.now();
    const { name, ...settings } = input;
    const row = await updateOrganization(tx, organizationId, {
      name,
      settings: JSON.stringify({ ...settingsOf(before), ...settings }),
      ...updatedStamps(actor, at),
    });
    const fields = Object.keys(input);
    await record(tx, actor, { at, action: 'organization.updated', targetType: 'organization', targetId: row.id, detail: { fields } });
    return view(row, await loadProfiles(tx, row.id, [row]));
  });
}

/**
 * The organization of a path, as far as the caller may know it.
 * @throws Problem `organization_not_found` for any but the caller's own: another's is not there
 */
export async function getOrganizationRow(db: Db, caller: Principal, organizationId: string): Promise<OrganizationRow> {
  const row = isOwn(caller, organizationId) ? await findOrganization(db, organizationId) : undefined;
  if (!row) throw new Problem('organization_not_found');
  return row;
}

const isOwn = (caller: Principal, organizationId: string): boolean => caller.organizationId === organizationId;

const settingsOf = (row: OrganizationRow): OrganizationSettings => ({
  ...defaultSettings,
  ...(JSON.parse(row.settings) as Partial<OrganizationSettings>), // written by changeOrganization
});

function view(row: OrganizationRow, profiles: Profiles): Organization {
  const { billingEmail, ...settings } = settingsOf(row);
  return {
    id: row.id,
    name: row.name,
    product: 'HOSTED',
    status: 'ACTIVE',
    supportPlan: plan.productPlanName,
    productPlans: [{ ...plan, organizationId: row.id }],
    ...(billingEmail ? { billingEmail } : {}),
    ...settings,
    isBlockedEnableAiFeatures: false,
    hasAllowedIpAddressRanges: false,
    createdAt: toInstant(row.createdAt),
    createdBy: profiles(creatorOf(row)),
    updatedAt: toInstant(row.updatedAt),
    updatedBy: profiles(updaterOf(row)),
  };
}
