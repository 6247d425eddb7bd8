/** What `write()` does about changes of other processes that came first. The rest of its promises are in `store.test.ts`. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { migrate } from './migrate.ts';
import { openStore, type Store, type Tx } from './open.ts';
import { insertPlaces, newWorkspace, organizationId } from './test-rows.ts';
import { backends, type TestDatabase } from './testing.ts';
import { findWorkspace, insertWorkspace } from './workspaces.ts';
import { WriteConflict } from './write.ts';

/** What PostgreSQL says to the one of two that it ends because they wait for each other. */
const deadlock = () => Object.assign(new Error('deadlock detected'), { code: '40P01' });

describe.each(backends)('write() on $name', (backend) => {
  let database: TestDatabase;
  let store: Store;
  beforeEach(async () => {
    database = await backend.create();
    store = openStore(database.url);
    await migrate(store);
    await store.write(insertPlaces);
  });
  afterEach(async () => {
    await store.close();
    await database.drop();
  });

  const insert = (id: string) => (tx: Tx) => insertWorkspace(tx, newWorkspace(id, id));
  const isThere = async (id: string): Promise<boolean> => (await findWorkspace(store.read, organizationId, id)) !== undefined;

  test('one that lost a race runs again without its neighbours, whose locks it would only meet again', async () => {
    let runs = 0;
    const committedBefore: boolean[] = [];
    const loser = async (tx: Tx): Promise<void> => {
      runs += 1;
      await insert('cm0loser')(tx);
      if (runs === 1) throw deadlock();
      if (database.isShared) committedBefore.push(await isThere('cm0before'), await isThere('cm0after')); // read by another connection
    };
    await Promise.all([store.write(insert('cm0before')), store.write(loser), store.write(insert('cm0after'))]);
    expect(runs).toBe(2);
    if (database.isShared) expect(committedBefore).toEqual([true, false]);
    expect(await Promise.all(['cm0before', 'cm0loser', 'cm0after'].map(isThere))).toEqual([true, true, true]);
  });

  test('one that loses every race is a conflict after four, and takes nobody along', async () => {
    let runs = 0;
    const [lost, won] = await Promise.allSettled([
      store.write(async (tx) => {
        runs += 1;
        await insert('cm0loser')(tx);
        throw deadlock();
      }),
      store.write(insert('cm0after')),
    ]);
    expect(runs).toBe(4);
    expect([lost, won.status]).toMatchObject([{ reason: expect.any(WriteConflict) }, 'fulfilled']);
    expect([await isThere('cm0loser'), await isThere('cm0after')]).toEqual([false, true]);
  });
});
