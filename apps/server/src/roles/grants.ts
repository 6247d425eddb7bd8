/** From stored role bindings to what they give. */
import { expand, findBuiltInRole, type Grant, type Permission, tokenPermissionsOf } from '@astrolabe/policy';
import type { RoleBindingRow } from '../store/schema.ts';

type Binding = Pick<RoleBindingRow, 'entityType' | 'entityId' | 'deploymentId' | 'role' | 'subjectType'>;

const expandedRoles = new Map<string, ReadonlySet<Permission>>();
const nothing: ReadonlySet<Permission> = new Set();

/** A role nobody knows gives nothing. Built-in roles may give a token less than a person (design section 5). */
export const grantOf = (binding: Binding): Grant => ({
  entityType: binding.entityType,
  entityId: binding.entityId,
  ...(binding.deploymentId ? { deploymentId: binding.deploymentId } : {}),
  permissions: permissionsOf(binding.role, binding.subjectType),
});

/** What each of them gives, in the same order. */
export const grantsOf = (bindings: readonly Binding[]): Grant[] => bindings.map(grantOf);

function permissionsOf(roleName: string, subjectType: Binding['subjectType']): ReadonlySet<Permission> {
  const key = `${subjectType} ${roleName}`;
  const known = expandedRoles.get(key);
  if (known) return known;
  const role = findBuiltInRole(roleName);
  if (!role) return nothing;
  const expanded = expand(subjectType === 'TOKEN' ? tokenPermissionsOf(role) : role.permissions);
  expandedRoles.set(key, expanded);
  return expanded;
}
