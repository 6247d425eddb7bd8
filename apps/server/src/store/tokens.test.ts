import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { migrate } from './migrate.ts';
import { openStore, type Store } from './open.ts';
import { findLiveToken, listBindings } from './principals.ts';
import { insertTokenBindings, replaceTokenBindings } from './role-bindings.ts';
import type { TokenRow } from './schema.ts';
import { deploymentIds, insertPlaces, newToken, newValue, now, organizationId, touch } from './test-rows.ts';
import { backends, type TestDatabase } from './testing.ts';
import { endToken, findToken, findTokenByName, insertToken, noteUses, startGeneration, updateToken } from './tokens.ts';

describe.each(backends)('tokens on $name', (backend) => {
  let database: TestDatabase;
  let stores: Store[];
  let store: Store;

  /** Another process, where the database can have one; otherwise the same again. */
  const openAnother = async (): Promise<Store> => {
    if (!database.isShared) return store;
    const another = openStore(database.url);
    stores.push(another);
    return another;
  };

  beforeEach(async () => {
    database = await backend.create();
    store = openStore(database.url);
    stores = [store];
    await migrate(store);
    await store.write(insertPlaces);
  });
  afterEach(async () => {
    for (const opened of stores) await opened.close();
    await database.drop();
  });

  const insertIn = async (change: Partial<TokenRow> = {}, value = newValue()): Promise<TokenRow> => {
    const token = newToken(change);
    expect(await store.write((tx) => insertToken(tx, token, value))).toBe(true);
    return token;
  };

  test('names are unique among live tokens of one home, case counts, and agent tokens have their own', async () => {
    const first = await insertIn();
    expect(await store.write((tx) => insertToken(tx, newToken(), newValue()))).toBe(false);
    await insertIn({ name: 'CI' });
    await insertIn({ kind: 'AGENT' });
    await insertIn({ homeEntityId: deploymentIds[1] });
    expect(await findTokenByName(store.read, first, 'ci')).toMatchObject({ id: first.id });
    const other = await insertIn({ name: 'other' });
    const taken = store.write(async (tx) => {
      if (!(await updateToken(tx, other, { name: 'ci', ...touch }))) throw new Error('taken');
    });
    await expect(taken).rejects.toThrow('taken');
    expect(await findToken(store.read, organizationId, other.id)).toMatchObject({ name: 'other' });
    await store.write((tx) => endToken(tx, first, now, touch));
    expect(await store.write((tx) => updateToken(tx, other, { name: 'ci', ...touch }))).toMatchObject({ name: 'ci' });
  });

  test('R-08 of two rotations from the same generation exactly one wins', async () => {
    const token = await insertIn();
    const another = await openAnother();
    const rotate = (by: Store) => by.write((tx) => startGeneration(tx, token, newValue(now + 1), now + 1, touch));
    const results = await Promise.all([rotate(store), rotate(another), rotate(store), rotate(another)]);
    expect(results.filter(Boolean)).toHaveLength(1);
    const live = await store.read
      .selectFrom('tokenValue')
      .selectAll()
      .where('tokenId', '=', token.id)
      .where('retiredAt', 'is', null)
      .execute();
    expect(live.map(({ generation }) => generation)).toEqual([2]);
  });

  test('R-04 a value before ends at the overlap, never later than it would have; older ones end at once', async () => {
    const first = newValue(now, now + 1000);
    const token = await insertIn({}, first);
    const second = newValue(now + 10);
    const rotated = await store.write((tx) => startGeneration(tx, token, second, now + 5000, touch));
    expect(rotated?.previousEndsAt).toBe(now + 1000);
    const third = newValue(now + 20);
    const again = await store.write((tx) => startGeneration(tx, rotated?.token ?? token, third, now + 520, touch));
    expect([again?.previousEndsAt, again?.token.generation, again?.token.shortToken]).toEqual([now + 520, 3, third.shortToken]);
    const liveAt = async (at: number) =>
      Promise.all([first, second, third].map(async ({ jtiHash }) => (await findLiveToken(store.read, jtiHash, at)) !== undefined));
    expect(await liveAt(now + 20)).toEqual([false, true, true]);
    expect(await liveAt(now + 519)).toEqual([false, true, true]);
    expect(await liveAt(now + 520)).toEqual([false, false, true]);
  });

  test('a deleted token and an ended value are not live, at the exact millisecond', async () => {
    const value = newValue(now, now + 1000);
    const token = await insertIn({}, value);
    expect(await findLiveToken(store.read, value.jtiHash, now + 999)).toMatchObject({ valueEndsAt: now + 1000, token: { id: token.id } });
    expect(await findLiveToken(store.read, value.jtiHash, now + 1000)).toBeUndefined();
    await store.write((tx) => endToken(tx, token, now, touch));
    expect(await findLiveToken(store.read, value.jtiHash, now)).toBeUndefined();
    expect(await findToken(store.read, organizationId, token.id)).toBeUndefined();
    expect(await store.write((tx) => startGeneration(tx, token, newValue(), now, touch))).toBeUndefined();
  });

  test('roles come out in the order they went in', async () => {
    const { id } = await insertIn();
    const entry = (entityId: string) => ({ entityType: 'DAG', entityId, deploymentId: deploymentIds[0], role: 'DAG_VIEWER' }) as const;
    const read = async () => (await listBindings(store.read, organizationId, 'TOKEN', id)).map(({ entityId }) => entityId);
    await store.write((tx) => insertTokenBindings(tx, organizationId, id, ['z', 'a', 'm'].map(entry)));
    expect(await read()).toEqual(['z', 'a', 'm']);
    await store.write((tx) => replaceTokenBindings(tx, organizationId, id, ['m', 'z'].map(entry)));
    expect(await read()).toEqual(['m', 'z']);
    await store.write((tx) => replaceTokenBindings(tx, organizationId, id, []));
    expect(await read()).toEqual([]);
  });

  test('the latest use is kept, whoever writes it last', async () => {
    const { id } = await insertIn();
    const use = (at: number) => ({ organizationId, tokenId: id, at, address: `at ${at}` });
    for (const at of [5, 9, 7]) await store.write((tx) => noteUses(tx, [use(at)]));
    expect(await findToken(store.read, organizationId, id)).toMatchObject({ lastUsedAt: 9, lastUsedAddress: 'at 9' });
  });
});
