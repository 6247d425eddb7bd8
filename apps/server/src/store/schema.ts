/**
 * Every table, as the code sees it; the columns are the same words in snake_case. Design section 3.
 *
 * Habits that hold on both databases: text ids compare byte for byte, instants are epoch milliseconds, booleans are 0 or 1,
 * JSON is text. Every row of a tenant carries `organizationId`, and every query names it.
 */
import type { Selectable } from 'kysely';

/** Who did something: a token, a person, or the installation itself at the first start. */
export type SubjectType = 'SERVICEKEY' | 'USER' | 'SYSTEM';

interface Stamps {
  createdAt: number;
  createdBy: string;
  createdByType: SubjectType;
  updatedAt: number;
  updatedBy: string;
  updatedByType: SubjectType;
}

export interface InstallationTable {
  /** Always 1: one row. */
  id: number;
  /** What `iss` says in new values; fixed at the first start. */
  issuer: string;
  /** JSON list of issuers that are still accepted. */
  formerIssuers: string;
  feedEpoch: string;
  /** Names the master key that seals this database, without being one. */
  masterKeyId: string;
  createdAt: number;
}

export interface OrganizationTable extends Stamps {
  id: string;
  name: string;
  /** JSON: what is only stored and echoed. */
  settings: string;
  /** Position and head of the audit chain; moved under this row's lock. */
  auditSequence: number;
  auditChain: string;
  deletedAt: number | null;
}

export interface WorkspaceTable extends Stamps {
  id: string;
  organizationId: string;
  name: string;
  description: string;
  cicdEnforcedDefault: number;
  settings: string;
  deletedAt: number | null;
}

export interface DeploymentTable extends Stamps {
  id: string;
  organizationId: string;
  workspaceId: string;
  name: string;
  description: string;
  /** Where Airflow is, for people and links; never used to reach it. */
  airflowUrl: string | null;
  /** Where callers reach its gateway; null until one is enrolled. */
  gatewayUrl: string | null;
  airflowVersion: string | null;
  /** JSON: what is only stored and echoed; never variables. */
  settings: string;
  /** Position and head of the feed; moved under this row's lock. */
  feedSequence: number;
  feedChain: string;
  deletedAt: number | null;
}

export interface UserTable {
  id: string;
  organizationId: string;
  username: string;
  fullName: string;
  createdAt: number;
  updatedAt: number;
}

export interface TokenTable extends Stamps {
  id: string;
  organizationId: string;
  homeScope: 'ORGANIZATION' | 'WORKSPACE' | 'DEPLOYMENT';
  /** Id of the organization, workspace or Deployment it lives in. */
  homeEntityId: string;
  kind: 'STANDARD' | 'DIRECT_ACCESS' | 'AGENT';
  name: string;
  description: string;
  expiryPeriodDays: number | null;
  /** Counts issued values; two rotations from the same generation cannot both win. */
  generation: number;
  shortToken: string;
  startAt: number;
  /** When the newest value ends; null: never. */
  endAt: number | null;
  lastRotatedAt: number | null;
  lastUsedAt: number | null;
  lastUsedAddress: string | null;
  /** Direct access: JSON of the frozen grants, copied by rotation. */
  grants: string | null;
  deletedAt: number | null;
}

export interface TokenValueTable {
  /** SHA-256 of `jti`, lower-case hex. The value itself is never stored. */
  jtiHash: string;
  organizationId: string;
  tokenId: string;
  generation: number;
  issuedAt: number;
  endsAt: number | null;
  /** From here on refused, whatever `endsAt` says; null: live. */
  retiredAt: number | null;
  retiredReason: 'rotated' | 'deleted' | 'suspended' | null;
}

export interface RoleBindingTable {
  organizationId: string;
  subjectType: 'TOKEN' | 'USER' | 'TEAM';
  subjectId: string;
  entityType: 'ORGANIZATION' | 'WORKSPACE' | 'DEPLOYMENT' | 'DAG' | 'DAG_TAG';
  /** For DAG the Dag id, for DAG_TAG the tag. */
  entityId: string;
  /** Where a Dag or tag lives; empty for the wider kinds, so that it can be part of the key. */
  deploymentId: string;
  /** A built-in role's name or a custom role's id. */
  role: string;
  /** Order in which the caller sent them: answers show the same. */
  position: number;
}

export interface SigningKeyTable {
  /** `kid`. */
  id: string;
  use: 'token' | 'feed';
  algorithm: 'ES256' | 'EdDSA' | 'RS256';
  state: 'next' | 'current' | 'retired' | 'revoked';
  /** JSON JWK. */
  publicKey: string;
  /** PKCS 8 PEM sealed under the master key. */
  sealedPrivateKey: string;
  createdAt: number;
}

export interface ChangeTable {
  organizationId: string;
  deploymentId: string;
  /** Contiguous per Deployment, from 1. */
  sequence: number;
  /** Canonical JSON of one feed entry. */
  body: string;
  /** SHA-256(chain before ‖ body), hex. */
  chain: string;
  at: number;
}

export interface AuditEventTable {
  organizationId: string;
  /** Contiguous per organization, from 1. */
  sequence: number;
  at: number;
  action: string;
  actorType: SubjectType;
  actorId: string;
  targetType: string;
  targetId: string;
  requestId: string;
  /** Caller's address; empty for the installation itself. */
  address: string;
  /** JSON, never a secret. */
  detail: string;
  chain: string;
}

export interface EnvironmentVariableTable {
  organizationId: string;
  deploymentId: string;
  key: string;
  /** Sealed under the master key when `isSecret` is 1. */
  value: string;
  isSecret: number;
  updatedAt: number;
}

export interface Tables {
  installation: InstallationTable;
  organization: OrganizationTable;
  workspace: WorkspaceTable;
  deployment: DeploymentTable;
  user: UserTable;
  token: TokenTable;
  tokenValue: TokenValueTable;
  roleBinding: RoleBindingTable;
  signingKey: SigningKeyTable;
  change: ChangeTable;
  auditEvent: AuditEventTable;
  environmentVariable: EnvironmentVariableTable;
}

export type OrganizationRow = Selectable<OrganizationTable>;
export type WorkspaceRow = Selectable<WorkspaceTable>;
export type DeploymentRow = Selectable<DeploymentTable>;
export type UserRow = Selectable<UserTable>;
export type TokenRow = Selectable<TokenTable>;
export type TokenValueRow = Selectable<TokenValueTable>;
export type RoleBindingRow = Selectable<RoleBindingTable>;
export type SigningKeyRow = Selectable<SigningKeyTable>;
export type ChangeRow = Selectable<ChangeTable>;
export type AuditEventRow = Selectable<AuditEventTable>;
export type EnvironmentVariableRow = Selectable<EnvironmentVariableTable>;
export type InstallationRow = Selectable<InstallationTable>;
