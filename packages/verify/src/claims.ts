import { hash } from 'node:crypto';
import type { JsonObject } from './encoding.ts';
import { refuse } from './errors.ts';
import { signedTypes, type TokenType } from './format.ts';

export type TokenKind = 'STANDARD' | 'DIRECT_ACCESS' | 'AGENT';

/**
 * What a direct access token may do, as it stood when the token was created: per Deployment base64url bit sets over the
 * permission catalogue of `version`. Here only the form is checked; `@astrolabe/policy` gives them meaning.
 */
export interface FrozenGrants {
  readonly version: number;
  readonly deployments: { readonly [deploymentId: string]: DeploymentGrants };
}
export interface DeploymentGrants {
  readonly permissions?: string;
  readonly dags?: { readonly [dagId: string]: string };
  readonly dagTags?: { readonly [tag: string]: string };
}

/** The claims of access and agent tokens; frozen. Times are epoch seconds, as RFC 7519 has them. */
export interface TokenClaims {
  readonly iss: string;
  readonly sub: string;
  readonly client_id: string;
  readonly apiTokenId: string;
  readonly aud: readonly string[];
  readonly iat: number;
  readonly nbf: number;
  readonly exp?: number;
  readonly jti: string;
  readonly org_id: string;
  /** `<kind>:<id>`: names what the token is about; gives no right. */
  readonly permissions: readonly string[];
  readonly kind: TokenKind;
  /** Direct access tokens only, and always. */
  readonly grants?: FrozenGrants;
  /** Agent tokens only, and always: RFC 7638 thumbprint of the feed key to trust first. */
  readonly feed_key?: string;
}

export interface ExpectedClaims {
  /** The current issuer and listed former ones; compared exactly. */
  readonly issuers: readonly string[];
  /** The token must name at least one of them. */
  readonly audiences: readonly string[];
  readonly nowMs: number;
  /** How far the issuer's clock may be off: whole seconds, 0 to 60. */
  readonly maxSkewSeconds: number;
}

const lastSecond = 253_402_300_799; // the year 9999 ends
const jtiForm = /^[A-Za-z0-9_-]{21}[AQgw]$/; // 16 bytes, canonical
const thumbprintForm = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/; // 32 bytes, canonical
const bitSetForm = /^[A-Za-z0-9_-]+$/;
const permissionForm = /^[A-Za-z]+:[^:\s]+$/;

/** SHA-256 of the `jti` as text, in lower-case hex: the only form in which databases and feeds know a value. */
export function hashJti(jti: string): string {
  return hash('sha256', jti, 'hex');
}

/** Reads claims that are signed already. Members we do not know are left out, so that an older reader survives a newer issuer. */
export function readClaims(payload: JsonObject, type: TokenType): TokenClaims {
  const kind = readKind(payload.kind, type);
  const sub = readText(payload.sub);
  const org_id = readText(payload.org_id);
  if (payload.client_id !== sub || payload.apiTokenId !== sub) refuse('bad_claims');
  const permissions = readTexts(payload.permissions);
  const ids = idsByKind(permissions);
  if (ids.get('apiTokenId') !== sub || ids.get('organizationId') !== org_id) refuse('bad_claims');
  const exp = payload.exp === undefined ? undefined : readSeconds(payload.exp);
  if (kind === 'DIRECT_ACCESS' && exp === undefined) refuse('bad_claims');
  return Object.freeze({
    iss: readText(payload.iss),
    sub,
    client_id: sub,
    apiTokenId: sub,
    aud: readTexts(typeof payload.aud === 'string' ? Object.freeze([payload.aud]) : payload.aud),
    iat: readSeconds(payload.iat),
    nbf: readSeconds(payload.nbf),
    ...(exp !== undefined && { exp }),
    jti: readMatch(payload.jti, jtiForm),
    org_id,
    permissions,
    kind,
    ...readOnlyFor(kind === 'DIRECT_ACCESS', payload, 'grants', readGrants),
    ...readOnlyFor(kind === 'AGENT', payload, 'feed_key', (value) => readMatch(value, thumbprintForm)),
  });
}

/**
 * Checks issuer, audience and time of claims that are signed already. A deadline passes when `nowMs` reaches it plus the skew.
 *
 * @throws VerificationError `wrong_issuer`, `wrong_audience`, `expired` or `not_yet_valid`, in this order
 * @throws RangeError when the clock or the skew is unusable; that is a fault of the caller and never lets a token in
 */
export function checkClaims(claims: TokenClaims, expected: ExpectedClaims): void {
  const { issuers, audiences, nowMs, maxSkewSeconds } = expected;
  if (!Number.isFinite(nowMs)) throw new RangeError('nowMs is not a time');
  checkSkew(maxSkewSeconds);
  if (!issuers.includes(claims.iss)) refuse('wrong_issuer');
  if (!claims.aud.some((audience) => audiences.includes(audience))) refuse('wrong_audience');
  if (claims.exp !== undefined && nowMs >= (claims.exp + maxSkewSeconds) * 1000) refuse('expired');
  const startsAt = Math.max(claims.nbf, claims.iat);
  if (nowMs < (startsAt - maxSkewSeconds) * 1000) refuse('not_yet_valid');
}

/** @throws RangeError when `maxSkewSeconds` is not a whole number from 0 to 60 */
export function checkSkew(maxSkewSeconds: number): void {
  if (!Number.isInteger(maxSkewSeconds) || maxSkewSeconds < 0 || maxSkewSeconds > 60) {
    throw new RangeError('maxSkewSeconds is not a whole number from 0 to 60');
  }
}

/** The ids in `permissions`, by kind. Two of one kind are refused, because readers would pick different ones. */
export function idsByKind(permissions: readonly string[]): ReadonlyMap<string, string> {
  const ids = new Map<string, string>();
  for (const permission of permissions) {
    if (!permissionForm.test(permission)) refuse('bad_claims');
    const colon = permission.indexOf(':');
    const kind = permission.slice(0, colon);
    if (ids.has(kind)) refuse('bad_claims');
    ids.set(kind, permission.slice(colon + 1));
  }
  return ids;
}

function readKind(value: unknown, type: TokenType): TokenKind {
  if (type === signedTypes.agentToken) return value === 'AGENT' ? value : refuse('bad_claims');
  return value === 'STANDARD' || value === 'DIRECT_ACCESS' ? value : refuse('bad_claims');
}

/** A claim that one kind of token must have and the others must not. */
function readOnlyFor<Name extends string, Value>(
  isDue: boolean,
  payload: JsonObject,
  name: Name,
  read: (value: unknown) => Value,
): { readonly [N in Name]?: Value } {
  if (isDue) return { [name]: read(payload[name]) } as { [N in Name]: Value }; // TypeScript widens a computed name to string
  return payload[name] === undefined ? {} : refuse('bad_claims');
}

/** Unlike the claims around them, grants with a member we do not know are refused: it might be a restriction. */
function readGrants(value: unknown): FrozenGrants {
  const { version, deployments, ...unknown } = readObject(value);
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 1) refuse('bad_claims');
  if (Object.keys(unknown).length > 0) refuse('bad_claims');
  for (const deployment of Object.values(readObject(deployments))) checkDeploymentGrants(deployment);
  return value as FrozenGrants; // checked member by member above; frozen by the reader
}

function checkDeploymentGrants(value: unknown): void {
  const { permissions, dags = {}, dagTags = {}, ...unknown } = readObject(value);
  if (Object.keys(unknown).length > 0) refuse('bad_claims');
  if (permissions !== undefined) readMatch(permissions, bitSetForm);
  for (const bitSet of Object.values(readObject(dags))) readMatch(bitSet, bitSetForm);
  for (const bitSet of Object.values(readObject(dagTags))) readMatch(bitSet, bitSetForm);
}

function readText(value: unknown): string {
  return typeof value === 'string' && value !== '' ? value : refuse('bad_claims');
}

function readTexts(value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.length === 0) refuse('bad_claims');
  for (const item of value) readText(item);
  return value;
}

function readMatch(value: unknown, form: RegExp): string {
  return typeof value === 'string' && form.test(value) ? value : refuse('bad_claims');
}

function readSeconds(value: unknown): number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= lastSecond ? value : refuse('bad_claims');
}

function readObject(value: unknown): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse('bad_claims');
  return value as JsonObject; // proven above: neither null nor a list
}
