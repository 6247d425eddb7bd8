/** From a presented value, or the caller of a moment ago, to what the database says about it now. */
import type { Principal } from '../deps.ts';
import { Problem } from '../problem.ts';
import { grantsOf } from '../roles/grants.ts';
import type { Db } from '../store/open.ts';
import { findEndedAgentToken, findLiveToken, listBindings } from '../store/principals.ts';
import type { TokenRow } from '../store/schema.ts';

/** The installation acting for itself: the first start, and `astrolabe owner-token`. */
export const systemPrincipal = (organizationId: string): Principal => ({
  subjectType: 'SYSTEM',
  id: 'system',
  name: 'Astrolabe',
  organizationId,
  kind: 'STANDARD',
  homeScope: 'ORGANIZATION',
  homeEntityId: organizationId,
  jtiHash: '',
  requestId: '',
  address: '',
  grants: grantsOf([
    { entityType: 'ORGANIZATION', entityId: organizationId, deploymentId: '', role: 'ORGANIZATION_OWNER', subjectType: 'USER' },
  ]),
});

/** @returns undefined when the value was never issued, was retired or has ended, or its token was deleted */
export async function findPrincipal(
  db: Db,
  jtiHash: string,
  request: { requestId: string; address: string },
  now: number,
): Promise<Principal | undefined> {
  const live = await findLiveToken(db, jtiHash, now);
  if (!live) return undefined;
  const { token, valueEndsAt } = live;
  const bindings = token.kind === 'AGENT' ? [] : await listBindings(db, token.organizationId, 'TOKEN', token.id);
  return {
    ...subjectOf(token, jtiHash, request),
    ...(valueEndsAt === null ? {} : { expiresAt: valueEndsAt }),
    grants: grantsOf(bindings),
  };
}

/**
 * An agent token that has ended still gets the signed last word of its feed: an unsigned 401 would only let the gateway's
 * knowledge age (design section 8).
 */
export async function findEndedAgent(
  db: Db,
  jtiHash: string,
  request: { requestId: string; address: string },
): Promise<Principal | undefined> {
  const token = await findEndedAgentToken(db, jtiHash);
  if (!token || token.deletedAt === null) return undefined;
  return { ...subjectOf(token, jtiHash, request), endedAt: token.deletedAt, grants: [] };
}

function subjectOf(token: TokenRow, jtiHash: string, request: { requestId: string; address: string }): Omit<Principal, 'grants'> {
  return {
    subjectType: 'SERVICEKEY',
    id: token.id,
    name: token.name,
    organizationId: token.organizationId,
    kind: token.kind,
    homeScope: token.homeScope,
    homeEntityId: token.homeEntityId,
    jtiHash,
    requestId: request.requestId,
    address: request.address,
  };
}

/**
 * The caller as the transaction sees it: its rights now, not when the request came in.
 * @throws Problem `invalid_token` when it was revoked in between
 */
export async function readActor(tx: Db, caller: Principal, now: number): Promise<Principal> {
  if (caller.subjectType === 'SYSTEM') return caller;
  const actor = await findPrincipal(tx, caller.jtiHash, caller, now);
  if (!actor) throw new Problem('invalid_token');
  return actor;
}
