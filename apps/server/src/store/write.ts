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

export interface Writer {
  /**
   * Runs `change` in a transaction and resolves after its commit. `change` may run again when another process won a race, so
   * it must have no effect outside the transaction. It must not wait for anything but the database: others wait behind it.
   * @throws whatever `change` threw, after its effects were undone; StoreUnavailable when the database failed
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
      await commitTogether(db, jobs, afterCommit);
    }
    flushing = undefined;
  };

  return {
    write<T>(change: (tx: Tx) => Promise<T>): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        waiting.push({ run: change, succeed: (result) => resolve(result as T), fail: reject }); // run() made it, so it is a T
        flushing ??= drain();
      });
    },
    async idle() {
      await flushing;
    },
  };
}

async function commitTogether(db: Kysely<Tables>, jobs: readonly Job[], afterCommit: (ids: ReadonlySet<string>) => void): Promise<void> {
  const outcomes: Outcome[] = [];
  const changed = new Set<string>();
  try {
    const transaction = await db.startTransaction().execute();
    try {
      for (const job of jobs) outcomes.push(await runInSavepoint(transaction, job, changed));
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
    return;
  }
  if (changed.size > 0) afterCommit(changed);
  jobs.forEach((job, index) => {
    const outcome = outcomes[index];
    if (outcome && 'result' in outcome) job.succeed(outcome.result);
    else job.fail(outcome?.error);
  });
}

async function runInSavepoint(
  transaction: Awaited<ReturnType<ReturnType<Kysely<Tables>['startTransaction']>['execute']>>,
  job: Job,
  changed: Set<string>,
): Promise<Outcome> {
  for (let attempt = 1; ; attempt++) {
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
      if (!isRetryable(error) || attempt === maxTries) return { error };
    }
  }
}
