/** Makes token values. Design section 4; what existing clients read of them is in `reference/cli.md` 1.7. */
import { randomBytes } from 'node:crypto';
import type { HomeScope } from '@astrolabe/policy';
import { type FrozenGrants, hashJti, type TokenKind } from '@astrolabe/verify';
import { Problem } from '../problem.ts';
import { signCompact } from '../signing-keys/sign.ts';
import type { SigningKeys } from '../signing-keys/signing-keys.ts';

const maxValueBytes = 4096;
const jtiBytes = 16;

/** What a value says about its token. */
export interface TokenSubject {
  readonly id: string;
  readonly organizationId: string;
  readonly homeScope: HomeScope;
  readonly homeEntityId: string;
  /** The workspace of a Workspace or Deployment token; existing clients take their workspace from it. */
  readonly workspaceId?: string;
  readonly kind: TokenKind;
  readonly grants?: FrozenGrants;
}

/** A new value: shown once, never stored. */
export interface IssuedValue {
  readonly value: string;
  readonly jtiHash: string;
  /** First 8 hex digits of SHA-256(`jti`). */
  readonly shortToken: string;
  /** Whole seconds, as `exp` says; absent: never. */
  readonly endsAt?: number;
}

export interface Issuer {
  /**
   * @param endsAt epoch milliseconds, cut to whole seconds; absent: never
   * @throws Problem `token_too_large` past 4 KiB
   */
  issue(subject: TokenSubject, at: number, endsAt: number | undefined): IssuedValue;
}

export function createIssuer(issuer: string, keys: () => SigningKeys): Issuer {
  return {
    issue(subject, at, endsAt) {
      const jti = randomBytes(jtiBytes).toString('base64url');
      const jtiHash = hashJti(jti);
      const issuedAt = Math.floor(at / 1000);
      const expiresAt = endsAt === undefined ? undefined : Math.floor(endsAt / 1000);
      const isAgent = subject.kind === 'AGENT';
      const value = signCompact(isAgent ? 'agent+jwt' : 'at+jwt', keys().current('token'), {
        iss: issuer,
        sub: subject.id,
        client_id: subject.id,
        apiTokenId: subject.id,
        aud: [`${subject.homeScope.toLowerCase()}:${subject.homeEntityId}`],
        iat: issuedAt,
        nbf: issuedAt,
        ...(expiresAt === undefined ? {} : { exp: expiresAt }),
        jti,
        org_id: subject.organizationId,
        permissions: idsOf(subject),
        kind: subject.kind,
        ...(subject.grants ? { grants: subject.grants } : {}),
        ...(isAgent ? { feed_key: keys().current('feed').keyId } : {}),
      });
      if (value.length > maxValueBytes)
        throw new Problem('token_too_large', 'The token reaches too many Deployments to carry their rights; split it.');
      return { value, jtiHash, shortToken: jtiHash.slice(0, 8), ...(expiresAt === undefined ? {} : { endsAt: expiresAt * 1000 }) };
    },
  };
}

/** Not rights but ids, each `kind:id`: existing clients split at the colon and take organization and workspace from here. */
function idsOf(subject: TokenSubject): string[] {
  const ids = [`apiTokenId:${subject.id}`, `organizationId:${subject.organizationId}`];
  if (subject.workspaceId) ids.push(`workspaceId:${subject.workspaceId}`);
  if (subject.homeScope === 'DEPLOYMENT') ids.push(`deploymentId:${subject.homeEntityId}`);
  return ids;
}
