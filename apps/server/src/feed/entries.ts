/** Rows of the database in the words of the feed. */
import type { FeedBinding, FeedEntry, LiveValue, RetiredValue } from '@astrolabe/contract';
import type { SigningKeys } from '../signing-keys/signing-keys.ts';
import type { TokenState } from '../store/feed.ts';
import type { DeploymentRow } from '../store/schema.ts';

type Place = Pick<DeploymentRow, 'id' | 'organizationId' | 'workspaceId'>;

export function deploymentEntry(
  deployment: Pick<DeploymentRow, 'id' | 'organizationId' | 'workspaceId' | 'name'>,
  issuers: readonly string[],
): FeedEntry {
  const { id, name, workspaceId, organizationId } = deployment;
  return { kind: 'deployment', id, name, workspaceId, organizationId, issuers: [...issuers] };
}

export const keysEntry = (keys: SigningKeys): FeedEntry => ({ kind: 'keys', keys: [...keys.published('token')] });

/** A token as one Deployment may know it: roles elsewhere are none of its business. */
export function tokenEntry(state: TokenState, place: Place): FeedEntry {
  const { token } = state;
  if (token.deletedAt !== null || token.kind === 'AGENT') return { kind: 'token-gone', id: token.id, retired: [...state.retired] };
  return {
    kind: 'token',
    id: token.id,
    name: token.name,
    tokenKind: token.kind,
    values: state.live.map(
      (value): LiveValue => ({
        jtiHash: value.jtiHash,
        issuedAt: value.issuedAt,
        ...(value.endsAt === null ? {} : { endsAt: value.endsAt }),
      }),
    ),
    retired: state.retired.map((value): RetiredValue => value),
    bindings: state.bindings
      .filter((binding) => concerns(binding, place))
      .map(({ entityType, entityId, role }): FeedBinding => ({ entityType, entityId, role })),
  };
}

function concerns(binding: TokenState['bindings'][number], place: Place): boolean {
  switch (binding.entityType) {
    case 'ORGANIZATION':
      return binding.entityId === place.organizationId;
    case 'WORKSPACE':
      return binding.entityId === place.workspaceId;
    case 'DEPLOYMENT':
      return binding.entityId === place.id;
    default:
      return binding.deploymentId === place.id;
  }
}
