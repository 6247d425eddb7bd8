import type { Principal } from '../deps.ts';
import { appendAudit } from '../store/audit.ts';
import type { Tx } from '../store/open.ts';

/** What happened, in the words of the event catalogue: `token.created`, `deployment.deleted` … */
export interface Happening {
  readonly action: string;
  readonly targetType: 'organization' | 'workspace' | 'deployment' | 'token' | 'agent_token' | 'gateway';
  readonly targetId: string;
  readonly at: number;
  /** Ids, names and roles; never a secret. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** Who did it, and in which request. */
type Doer = Pick<Principal, 'organizationId' | 'subjectType' | 'id' | 'requestId' | 'address'>;

/** Records who did what, in the transaction of the change: both commit or neither (U-05). */
export async function record(tx: Tx, actor: Doer, happening: Happening): Promise<void> {
  await appendAudit(tx, {
    organizationId: actor.organizationId,
    at: happening.at,
    action: happening.action,
    actorType: actor.subjectType,
    actorId: actor.id,
    targetType: happening.targetType,
    targetId: happening.targetId,
    requestId: actor.requestId,
    address: actor.address,
    detail: escapeUnseen(JSON.stringify(happening.detail ?? {})),
  });
}

/** Names are anybody's text: what a terminal would act on, reorder or hide is written as `\u…`, the same JSON (U-06). */
function escapeUnseen(json: string): string {
  return json.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu, (character) =>
    [...Array(character.length).keys()].map((unit) => `\\u${character.charCodeAt(unit).toString(16).padStart(4, '0')}`).join(''),
  );
}
