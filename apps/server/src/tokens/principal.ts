/** From a presented value, or the caller of a moment ago, to what the database says about it now. */
import type { Principal } from '../deps.ts';
import { Problem } from '../problem.ts';
import { grantsOf } from '../roles/grants.ts';
import type { Db } from '../store/open.ts';
import { findLiveToken, listBindings } from '../store/principals.ts';

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
  grants: grantsOf([{ entityType: 'ORGANIZATION', entityId: organizationId, deploymentId: '', role: 'ORGANIZATION_OWNER', subjectType: 'USER' }]),
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
    subjectType: 'SERVICEKEY',
    id: token.id,
    name: token.name,
    organizationId: token.organizationId,
    kind: token.kind,
    homeScope: token.homeScope,
    homeEntityId: token.homeEntityId,
    jtiHash,
    ...(valueEndsAt === null ? {} : { expiresAt: valueEndsAt }),
    requestId: request.requestId,
    address: request.address,
    grants: grantsOf(bindings),
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
