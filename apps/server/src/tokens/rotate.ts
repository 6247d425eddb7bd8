import type { IssuedToken, RotateToken, TokenParams } from '@astrolabe/contract';
import { allows } from '@astrolabe/policy';
import type { FrozenGrants } from '@astrolabe/verify';
import { record } from '../audit/audit.ts';
import type { Deps, Principal } from '../deps.ts';
import { announceToken } from '../feed/announce.ts';
import { toInstant } from '../instants.ts';
import { updatedStamps } from '../members/profiles.ts';
import { Problem } from '../problem.ts';
import { findToken, lockToken, startGeneration } from '../store/tokens.ts';
import { nextEnd } from './expiry.ts';
import { newValue, workspaceOf } from './issue.ts';
import { demandAtHome, demandCovering, getVisibleToken, homePlaceOf, type StoredToken, tokenPermission } from './sight.ts';
import { viewIssued } from './view.ts';

/**
 * A new value for the same token: id, name, description, roles and frozen grants stay. The value before ends at once, or after
 * `overlapSeconds`, but never later than it would have. Of rotations that ran at the same time one wins.
 *
 * An expired token is rotated by somebody else who holds the right; it cannot sign in to rotate itself.
 * @throws Problem `token_not_found`, `permission_denied`, `not_home_scope`, `rotation_conflict`
 */
export async function rotateToken(deps: Deps, caller: Principal, target: TokenParams, input: RotateToken): Promise<IssuedToken> {
  // Which value the caller means to replace is settled before waiting for a turn to write; whoever waits longer has lost.
  const seen = await findToken(deps.read, target.organizationId, target.tokenId);
  return deps.write(caller, async (tx, actor) => {
    const token = await getVisibleToken(tx, actor, target, lockToken);
    demandRotating(actor, token);
    const { row, entries } = token;
    if (seen?.generation !== row.generation) throw new Problem('rotation_conflict');
    const place = homePlaceOf(token);
    const at = deps.now();
    const grants = row.grants === null ? {} : { grants: JSON.parse(row.grants) as FrozenGrants }; // written by issueToken
    const endsAt = nextEnd(actor, { permission: tokenPermission(row.homeScope, 'rotate'), place }, row, at);
    const { grants: _stored, ...home } = row;
    const issued = deps.issuer.issue({ ...home, ...workspaceOf(place), ...grants }, at, endsAt);
    const rotated = await startGeneration(tx, row, newValue(issued, at), at + input.overlapSeconds * 1000, updatedStamps(actor, at));
    if (!rotated) throw new Problem('rotation_conflict');
    const { previousEndsAt } = rotated;
    await announceToken(deps, tx, rotated.token);
    await record(tx, actor, {
      at,
      action: 'token.rotated',
      targetType: 'token',
      targetId: row.id,
      detail: {
        name: row.name,
        shortToken: issued.shortToken,
        previousShortToken: row.shortToken,
        endAt: issued.endsAt === undefined ? null : toInstant(issued.endsAt),
        previousEndsAt: previousEndsAt === undefined ? null : toInstant(previousEndsAt),
      },
    });
    return viewIssued(tx, actor, { row: rotated.token, entries }, issued.value, previousEndsAt);
  });
}

function demandRotating(actor: Principal, token: StoredToken): void {
  const { row, entries } = token;
  demandAtHome(actor, token, 'rotate');
  if (row.kind === 'DIRECT_ACCESS' && !allows(actor, 'organization.directAccessTokens.rotate', { organizationId: row.organizationId })) {
    throw new Problem('permission_denied', 'Only an Organization Owner rotates direct access tokens.');
  }
  demandCovering(actor, row.id, entries);
}
