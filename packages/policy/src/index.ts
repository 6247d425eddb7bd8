export {
  allows,
  covered,
  covers,
  type Entity,
  type EntityType,
  type Grant,
  grantOf,
  type Holder,
  type HomeScope,
} from './allows.ts';
export { decodePermissions, encodePermissions } from './bits.ts';
export { catalogue, catalogueVersion, isPermission, levelOf, type Permission, type PermissionLevel } from './catalogue.ts';
export { expand } from './implications.ts';
export { type BuiltInRole, builtInRoles, findBuiltInRole, type RoleDefinition, type RoleScope, tokenPermissionsOf } from './roles.ts';
