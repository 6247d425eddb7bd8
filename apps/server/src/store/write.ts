/**
 * The one way to change the database.
 *
 * Writes that arrive in one turn of the event loop share a durable commit, each in a savepoint of its own, so that the cost
 * of making data durable is paid once for all of them and one that fails takes nobody along. Nobody is answered before the
 * commit. Design section 10.
 */
import type { Kysely } from 'kysely';
import { isRetryable, isUnavailable } from './dialect.ts';
import type { Tx } from './open.ts';
import type { Tables } from './schema.ts';

/** The database did not take the write; nothing of it remains. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable';
}

/** Lost to changes of other processes as often as is tried; nothing of it remains. */
export class WriteConflict extends Error {
  override readonly name = 'WriteConflict';
}

export interface Writer {
  /**
   * Runs `change` in a transaction and resolves after its commit. `change` may run again when another process won a race, so
   * it must have no effect outside the transaction. It must not wait for anything but the database: others wait behind it.
   * @throws whatever `change` threw, after its effects were undone; StoreUnavailable when the database failed
   * @throws WriteConflict when others won every race
   */
  write<T>(change: (tx: Tx) => Promise<T>): Promise<T>;
  /** Resolves when nothing is waiting. */
  idle(): Promise<void>;
}

export interface WriterOptions {
  /** How many changes may share a commit; 1 gives each its own, to measure what sharing brings. */
  readonly maxJobsPerCommit?: number;
}

interface Job {
  lostRaces: number;
  run(tx: Tx): Promise<unknown>;
  succeed(result: unknown): void;
  fail(error: unknown): void;
}

type Outcome = { result: unknown } | { error: unknown };

const maxTries = 4;
const touched = new WeakMap<Kysely<Tables>, Set<string>>();

/** Notes that this transaction makes the feed of a Deployment grow; listeners are told after the commit. */
export function markChanged(tx: Tx, deploymentId: string): void {
  touched.get(tx)?.add(deploymentId);
}

export function createWriter(
  db: Kysely<Tables>,
  afterCommit: (deploymentIds: ReadonlySet<string>) => void,
  { maxJobsPerCommit = 64 }: WriterOptions = {},
): Writer {
  let waiting: Job[] = [];
  let flushing: Promise<void> | undefined;

  const drain = async (): Promise<void> => {
    await new Promise<void>((resolve) => setImmediate(resolve)); // collects everything that arrives in this turn
    while (waiting.length > 0) {
      const jobs = waiting.slice(0, maxJobsPerCommit);
      waiting = waiting.slice(maxJobsPerCommit);
      waiting = [...(await commitTogether(db, jobs, afterCommit)), ...waiting];
    }
    flushing = undefined;
  };

  return {
    write<T>(change: (tx: Tx) => Promise<T>): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        waiting.push({ lostRaces: 0, run: change, succeed: (result) => resolve(result as T), fail: reject }); // run() made it, so it is a T
        flushing ??= drain();
      });
    },
    async idle() {
      await flushing;
    },
  };
}

/**
 * Commits the jobs up to the first that lost a race to another process. That one would only lose again while its neighbours'
 * locks are held, so they are committed first, and it begins the next transaction.
 * @returns the jobs that are still to be done
 */
async function commitTogether(
  db: Kysely<Tables>,
  jobs: readonly Job[],
  afterCommit: (ids: ReadonlySet<string>) => void,
): Promise<readonly Job[]> {
  const outcomes: Outcome[] = [];
  const changed = new Set<string>();
  try {
    const transaction = await db.startTransaction().execute();
    try {
      for (const job of jobs) {
        const outcome = await runInSavepoint(transaction, job, changed);
        if (!outcome) break;
        outcomes.push(outcome);
      }
      await transaction.commit().execute();
    } catch (error) {
      await transaction
        .rollback()
        .execute()
        .catch(() => undefined); // the first error says more
      throw error;
    }
  } catch (error) {
    const failure = isUnavailable(error) ? new StoreUnavailable('the database did not take the write', { cause: error }) : error;
    for (const job of jobs) job.fail(failure);
    return [];
  }
  if (changed.size > 0) afterCommit(changed);
  outcomes.forEach((outcome, index) => {
    if ('result' in outcome) jobs[index]?.succeed(outcome.result);
    else jobs[index]?.fail(outcome.error);
  });
  return jobs.slice(outcomes.length);
}

/** @returns undefined when it lost a race and may try again */
async function runInSavepoint(
  transaction: Awaited<ReturnType<ReturnType<Kysely<Tables>['startTransaction']>['execute']>>,
  job: Job,
  changed: Set<string>,
): Promise<Outcome | undefined> {
  const savepoint = await transaction.savepoint('change').execute();
  const mine = new Set<string>();
  touched.set(savepoint, mine);
  try {
    const result = await job.run(savepoint);
    await savepoint.releaseSavepoint('change').execute();
    for (const id of mine) changed.add(id);
    return { result };
  } catch (error) {
    if (isUnavailable(error)) throw error;
    const undone = await savepoint.rollbackToSavepoint('change').execute();
    await undone.releaseSavepoint('change').execute();
    if (!isRetryable(error)) return { error };
    job.lostRaces += 1;
    if (job.lostRaces < maxTries) return undefined;
    return { error: new WriteConflict('other changes came first, again and again', { cause: error }) };
  }
}
