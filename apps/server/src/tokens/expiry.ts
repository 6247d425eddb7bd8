import { allows, type Entity, type Permission } from '@astrolabe/policy';
import type { Principal } from '../deps.ts';
import { Problem } from '../problem.ts';
import type { TokenRow } from '../store/schema.ts';

const dayMs = 24 * 60 * 60 * 1000;

/** The longest life of a direct access token: no gateway has to ask before it ends. */
const maxDirectAccessDays = 365;

/** @throws Problem `expiry_required` for a direct access token that would outlive what its kind may */
export function checkDirectAccessExpiry(periodDays: number | undefined): void {
  if (periodDays !== undefined && periodDays <= maxDirectAccessDays) return;
  throw new Problem('expiry_required', `Send tokenExpiryPeriodInDays from 1 to ${maxDirectAccessDays}.`, {
    fieldErrors: [{ code: 'expiry_required', field: 'tokenExpiryPeriodInDays', message: `must be from 1 to ${maxDirectAccessDays}` }],
  });
}

/**
 * When the first value of a new token ends. What a token with Deployment-level rights makes never ends after itself: it
 * inherits that end when no period was asked for, and asking for more is refused.
 * @throws Problem `invalid_request`
 */
export function firstEnd(
  actor: Principal,
  right: { readonly permission: Permission; readonly place: Entity },
  periodDays: number | undefined,
  at: number,
): number | undefined {
  const asked = periodDays === undefined ? undefined : at + periodDays * dayMs;
  const limit = lastEndFor(actor, right);
  if (limit === undefined || asked === undefined) return asked ?? limit;
  if (asked <= limit) return asked;
  const message = `would end after the token that creates it, which ends at ${new Date(limit).toISOString()}`;
  throw new Problem('invalid_request', `tokenExpiryPeriodInDays: ${message}`, {
    fieldErrors: [{ code: 'ends_after_creator', field: 'tokenExpiryPeriodInDays', message }],
  });
}

/**
 * When the next value ends. The period starts anew, except that a token that rotates itself keeps its end, or that of the
 * value it does it with, when that was replaced already and ends before, and that nobody with Deployment-level rights
 * makes a value that outlives their own. A token whose end was inherited gets the same span again, so that an expiring token
 * never becomes a permanent one.
 */
export function nextEnd(
  actor: Principal,
  right: { readonly permission: Permission; readonly place: Entity },
  token: Pick<TokenRow, 'id' | 'endAt' | 'expiryPeriodDays' | 'startAt' | 'lastRotatedAt'>,
  at: number,
): number | undefined {
  if (actor.id === token.id && token.endAt !== null) return earliest(token.endAt, actor.expiresAt);
  const span = spanOf(token);
  return earliest(lastEndFor(actor, right), span === undefined ? undefined : at + span);
}

function earliest(...ends: readonly (number | undefined)[]): number | undefined {
  const known = ends.filter((end) => end !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}

function spanOf(token: Pick<TokenRow, 'endAt' | 'expiryPeriodDays' | 'startAt' | 'lastRotatedAt'>): number | undefined {
  if (token.expiryPeriodDays !== null) return token.expiryPeriodDays * dayMs;
  return token.endAt === null ? undefined : token.endAt - (token.lastRotatedAt ?? token.startAt);
}

/** Undefined when the actor does not end, or holds the right higher up than on a Deployment. */
function lastEndFor(actor: Principal, right: { readonly permission: Permission; readonly place: Entity }): number | undefined {
  const higher = actor.grants.filter(({ entityType }) => entityType === 'ORGANIZATION' || entityType === 'WORKSPACE');
  return allows({ grants: higher }, right.permission, right.place) ? undefined : actor.expiresAt;
}
