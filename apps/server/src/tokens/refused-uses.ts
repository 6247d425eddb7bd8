/** Uses of our own values that were refused: who tries an old one, or puts one into a URL, stands in the audit trail. */
import type pino from 'pino';
import { record } from '../audit/audit.ts';
import { toInstant } from '../instants.ts';
import type { Tx } from '../store/open.ts';
import { findIssuedValue, type IssuedValue } from '../store/principals.ts';

const flushMs = 5000;

/** One record for each value in this time, with the number of refusals, however often somebody tries. */
const quietMs = 60_000;
const maxValues = 1000;

/** Where the value was: in the header it belongs in, or in the URL. */
type Place = 'header' | 'url';

export interface RefusedUses {
  /**
   * Costs an entry in memory; the audit trail hears of it within seconds. Only for values whose signature is good: foreign
   * noise is not recorded, and nobody causes more than one record a minute for each value that he holds.
   */
  note(jtiHash: string, place: Place, from: { readonly requestId: string; readonly address: string }): void;
  /** Records what is due. Never throws: what could not be written waits for the next time. */
  flush(): Promise<void>;
  start(): void;
  /** Records all that waits, and no more after that. */
  stop(): Promise<void>;
}

interface Refused {
  readonly jtiHash: string;
  readonly place: Place;
  /** Refusals that are not recorded yet; the rest is about the first and the last of them. */
  count: number;
  firstAt: number;
  lastAt: number;
  requestId: string;
  address: string;
  recordedAt: number;
}

/** @param write the store's own: the caller was refused, so there is no actor whose rights could be read anew */
export function createRefusedUses(
  write: (change: (tx: Tx) => Promise<void>) => Promise<void>,
  now: () => number,
  log: Pick<pino.Logger, 'warn'>,
): RefusedUses {
  const known = new Map<string, Refused>();
  let uncounted = 0;
  let timer: NodeJS.Timeout | undefined;
  let flushing: Promise<void> = Promise.resolve();

  const flushOnce = async (isLast: boolean): Promise<void> => {
    const at = now();
    if (uncounted > 0) log.warn({ refusals: uncounted }, 'more refused values than are recorded'); // U-07
    uncounted = 0;
    const due: { readonly refused: Refused; readonly asOfNow: Refused }[] = [];
    for (const [key, refused] of known) {
      const isQuiet = at - refused.recordedAt < quietMs;
      if (refused.count > 0 && (isLast || !isQuiet)) due.push({ refused, asOfNow: { ...refused } });
      else if (refused.count === 0 && !isQuiet) known.delete(key);
    }
    if (due.length === 0) return;
    try {
      let unknown = 0;
      await write(async (tx) => {
        unknown = 0;
        for (const { asOfNow } of due) if (!(await recordRefusal(tx, asOfNow, at))) unknown += 1;
      });
      if (unknown > 0) log.warn({ values: unknown }, unknownValues);
      for (const { refused, asOfNow } of due) {
        refused.recordedAt = at;
        refused.count -= asOfNow.count; // more may have come meanwhile
      }
    } catch (error) {
      log.warn({ err: error }, 'refused uses of tokens could not be recorded yet');
    }
  };
  const flush = (isLast = false): Promise<void> => {
    flushing = flushing.then(() => flushOnce(isLast));
    return flushing;
  };

  return {
    note(jtiHash, place, { requestId, address }) {
      const key = `${place} ${jtiHash}`;
      const at = now();
      const before = known.get(key);
      if (!before && known.size >= maxValues) {
        uncounted += 1;
        return;
      }
      const refused = before ?? { jtiHash, place, count: 0, firstAt: at, recordedAt: Number.NEGATIVE_INFINITY };
      const firstAt = refused.count === 0 ? at : refused.firstAt;
      known.set(key, Object.assign(refused, { count: refused.count + 1, firstAt, lastAt: at, requestId, address }));
    },
    flush,
    start() {
      timer ??= setInterval(() => void flush(), flushMs).unref();
    },
    async stop() {
      clearInterval(timer);
      timer = undefined;
      await flush(true);
    },
  };
}

/** Nobody's trail is the place for these, but somebody has to look. */
const unknownValues = 'values with a good signature that were never issued here: an older database, or a signing key in other hands';

/** @returns false when the database does not know the value */
async function recordRefusal(tx: Tx, refused: Refused, at: number): Promise<boolean> {
  const value = await findIssuedValue(tx, refused.jtiHash);
  if (!value) return false;
  const { organizationId, tokenId, name, kind } = value;
  const { requestId, address, count, firstAt, lastAt } = refused;
  await record(
    tx,
    { organizationId, subjectType: 'SERVICEKEY', id: tokenId, requestId, address },
    {
      at,
      action: 'token.refused',
      targetType: kind === 'AGENT' ? 'agent_token' : 'token',
      targetId: tokenId,
      detail: {
        name,
        shortToken: refused.jtiHash.slice(0, 8),
        reason: refused.place === 'url' ? 'credential_in_url' : reasonOf(value, lastAt),
        count,
        firstAt: toInstant(firstAt),
        lastAt: toInstant(lastAt),
      },
    },
  );
  return true;
}

function reasonOf({ retiredAt, retiredReason, endsAt }: IssuedValue, at: number): string {
  if (retiredAt !== null && retiredAt <= at) return retiredReason ?? 'deleted';
  return endsAt !== null && endsAt <= at ? 'expired' : 'not_accepted'; // its issuer, or its time
}
