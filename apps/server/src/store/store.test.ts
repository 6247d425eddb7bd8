/** The conformance suite: what a database has to do to be supported. */
import { chainStart } from '@astrolabe/contract';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { appendAudit, auditChain, listAuditEvents } from './audit.ts';
import { appendChange, listChanges, nextChain } from './changes.ts';
import { findDeployment, lockDeployment } from './deployments.ts';
import { isUniqueViolation } from './dialect.ts';
import { migrate, NewerDatabase } from './migrate.ts';
import { openStore, type Store } from './open.ts';
import { findOrganization, lockOrganization } from './organizations.ts';
import type { TokenRow } from './schema.ts';
import { deploymentIds, insertPlaces, newToken, newValue, newWorkspace, now, organizationId, workspaceId } from './test-rows.ts';
import { backends, type TestDatabase } from './testing.ts';
import { findToken, insertToken, lockToken } from './tokens.ts';
import { findWorkspace, insertWorkspace, listWorkspaces, lockWorkspace } from './workspaces.ts';
import { StoreUnavailable } from './write.ts';

describe.each(backends)('store on $name', (backend) => {
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

  const nameOf = async (id: string): Promise<string | undefined> => (await findWorkspace(store.read, organizationId, id))?.name;
  const insertIn = async (change: Partial<TokenRow> = {}, value = newValue()): Promise<TokenRow> => {
    const token = newToken(change);
    expect(await store.write((tx) => insertToken(tx, token, value))).toBe(true);
    return token;
  };

  describe('write()', () => {
    test('changes of one turn share a commit: the second sees the first, and the first is not answered before', async () => {
      const order: string[] = [];
      const first = store.write(async (tx) => insertWorkspace(tx, newWorkspace('cm0a', 'a'))).then(() => order.push('first answered'));
      const second = store.write(async (tx) => {
        order.push(`second sees ${(await findWorkspace(tx, organizationId, 'cm0a'))?.name}`);
      });
      await Promise.all([first, second]);
      expect(order).toEqual(['second sees a', 'first answered']);
    });

    test('one that fails takes nobody along, and nothing of it remains', async () => {
      const results = await Promise.allSettled([
        store.write((tx) => insertWorkspace(tx, newWorkspace('cm0a', 'a'))),
        store.write(async (tx) => {
          await insertWorkspace(tx, newWorkspace('cm0b', 'b'));
          throw new Error('changed my mind');
        }),
        store.write((tx) => insertWorkspace(tx, newWorkspace('cm0a', 'twice'))), // the statement itself fails
        store.write((tx) => insertWorkspace(tx, newWorkspace('cm0c', 'c'))),
      ]);
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
      expect([await nameOf('cm0a'), await nameOf('cm0b'), await nameOf('cm0c')]).toEqual(['a', undefined, 'c']);
      const failures = results.map((result) => (result.status === 'rejected' ? result.reason : undefined));
      expect(failures[1]).toMatchObject({ message: 'changed my mind' });
      expect(isUniqueViolation(failures[2])).toBe(true);
    });

    test('what was answered is committed, and what came meanwhile is done next', async () => {
      const names = await Promise.all(
        Array.from({ length: 200 }, async (_, index) => {
          const id = `cm0n${String(index).padStart(3, '0')}`;
          await store.write((tx) => insertWorkspace(tx, newWorkspace(id, String(index))));
          return nameOf(id);
        }),
      );
      expect(names).toEqual(Array.from({ length: 200 }, (_, index) => String(index)));
    });

    test('a listener hears of grown feeds after the commit, and of no failed change', async () => {
      const [first, second] = deploymentIds;
      const heard = Promise.withResolvers<{ ids: string[]; committed: number }>();
      const all = new Set<string>();
      const stop = (await openAnother()).onChange((ids) => {
        for (const id of ids) all.add(id);
        void listChanges(store.read, first, 0, 10).then((rows) => heard.resolve({ ids: [...ids], committed: rows.length }), heard.reject);
      });
      if (backend.name === 'PostgreSQL') await untilListening(store);
      const change = { organizationId, body: '{}', at: now };
      const writer = backend.name === 'PostgreSQL' ? store : (stores.at(-1) ?? store); // one process hears of another on PostgreSQL only
      await Promise.allSettled([
        writer.write(async (tx) => {
          await appendChange(tx, { ...change, deploymentId: second });
          throw new Error('changed my mind');
        }),
        writer.write((tx) => appendChange(tx, { ...change, deploymentId: first })),
      ]);
      expect(await heard.promise).toEqual({ ids: [first], committed: 1 });
      expect([...all]).toEqual([first]);
      stop();
      await writer.write((tx) => appendChange(tx, { ...change, deploymentId: second }));
      expect([...all]).toEqual([first]);
    });
  });

  if (backend.name === 'PostgreSQL') {
    test('O-02 a write whose connection breaks is refused as unavailable, and the next one works', async () => {
      const broken = await Promise.allSettled([
        store.write((tx) => insertWorkspace(tx, newWorkspace('cm0a', 'a'))),
        store.write((tx) => sql`select pg_terminate_backend(pg_backend_pid())`.execute(tx)),
      ]);
      expect(broken).toMatchObject([{ reason: expect.any(StoreUnavailable) }, { reason: expect.any(StoreUnavailable) }]);
      const others = await store.read.executeQuery(
        sql`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`.compile(
          store.read,
        ),
      );
      expect(others.rows.length).toBeGreaterThan(0); // idle ones of the pool
      await store.write((tx) => insertWorkspace(tx, newWorkspace('cm0b', 'b')));
      expect([await nameOf('cm0a'), await nameOf('cm0b')]).toEqual([undefined, 'b']);
    });
  }

  test('ids and names compare byte for byte', async () => {
    const ids = ['b', 'B', 'a', 'ä', 'Z', 'z', 'a b', 'a-b', 'ab'];
    await store.write(async (tx) => {
      for (const id of ids) await insertWorkspace(tx, newWorkspace(id, id));
    });
    const page = { limit: 100, offset: 0 };
    const { rows, totalCount } = await listWorkspaces(store.read, { organizationId, ids }, [{ field: 'name', direction: 'asc' }], page);
    const inBytes = [...ids].sort((left, right) => Buffer.compare(Buffer.from(left), Buffer.from(right)));
    expect(rows.map((row) => row.id)).toEqual(inBytes);
    expect(totalCount).toBe(ids.length);
    expect([await nameOf('A'), await nameOf('Ä'), await nameOf('a ')]).toEqual([undefined, undefined, undefined]);
  });

  test('instants are numbers again', async () => {
    const { id } = await insertIn({ endAt: 253_402_300_799_000 });
    expect(await findToken(store.read, organizationId, id)).toMatchObject({ endAt: 253_402_300_799_000, createdAt: now, lastUsedAt: null });
  });

  test('locking a row changes nothing, and finds nothing of another organization', async () => {
    const { id } = await insertIn();
    const lockAll = (organization: string) =>
      store.write(async (tx) => [
        await lockOrganization(tx, organization),
        await lockWorkspace(tx, organization, workspaceId),
        await lockDeployment(tx, organization, deploymentIds[0]),
        await lockToken(tx, organization, id),
      ]);
    const rows = [
      await findOrganization(store.read, organizationId),
      await findWorkspace(store.read, organizationId, workspaceId),
      await findDeployment(store.read, organizationId, deploymentIds[0]),
      await findToken(store.read, organizationId, id),
    ];
    expect(await lockAll(organizationId)).toEqual(rows);
    expect(await lockAll('cm0somebodyelse0000000000')).toEqual([undefined, undefined, undefined, undefined]);
  });

  test('feeds are contiguous and chained, whoever writes at the same time', async () => {
    const writers = [store, await openAnother()];
    const writes = Array.from({ length: 60 }, (_, index) => {
      const writer = writers[index % 2] ?? store;
      return writer.write(async (tx) => {
        for (const deploymentId of deploymentIds) await appendChange(tx, { organizationId, deploymentId, body: `{"n":${index}}`, at: now });
        if (index % 7 === 0) throw new Error('changed my mind');
      });
    });
    const kept = (await Promise.allSettled(writes)).filter(({ status }) => status === 'fulfilled').length;
    expect(kept).toBe(51);
    for (const deploymentId of deploymentIds) {
      const changes = await listChanges(store.read, deploymentId, 0, 1000);
      expect(changes.map(({ sequence }) => sequence)).toEqual(Array.from({ length: kept }, (_, index) => index + 1));
      let chain = chainStart;
      for (const change of changes) {
        chain = nextChain(chain, change.body);
        expect(change.chain).toBe(chain);
      }
      expect(await findDeployment(store.read, organizationId, deploymentId)).toMatchObject({ feedSequence: kept, feedChain: chain });
    }
  });

  test('the audit trail is contiguous and chained, whoever writes at the same time', async () => {
    const writers = [store, await openAnother()];
    const event = {
      organizationId,
      at: now,
      actorType: 'SYSTEM',
      actorId: 'system',
      targetType: 'token',
      targetId: 'x',
      requestId: '',
      address: '',
    } as const;
    const writes = Array.from({ length: 60 }, (_, index) =>
      (writers[index % 2] ?? store).write(async (tx) => {
        await appendAudit(tx, { ...event, action: `a${index}`, detail: '{}' });
        if (index % 7 === 0) throw new Error('changed my mind');
      }),
    );
    const kept = (await Promise.allSettled(writes)).filter(({ status }) => status === 'fulfilled').length;
    const records = await listAuditEvents(store.read, organizationId, 0, 1000);
    expect(records.map(({ sequence }) => sequence)).toEqual(Array.from({ length: kept }, (_, index) => index + 1));
    let chain = chainStart;
    for (const record of records) {
      chain = auditChain(chain, record);
      expect(record.chain).toBe(chain);
    }
  });

  describe('migrations', () => {
    test('run once, however often and by however many processes', async () => {
      await Promise.all([migrate(store), migrate(await openAnother())]);
      expect(await nameOf(workspaceId)).toBe('w');
    });

    test('a database of a newer version is refused before anything is touched', async () => {
      const applied = store.schema.withTables<{ kysely_migration: { name: string; timestamp: string } }>();
      await applied.insertInto('kysely_migration').values({ name: '9999-later', timestamp: 'x' }).execute();
      await expect(migrate(store)).rejects.toThrow(NewerDatabase);
      await expect(migrate(store)).rejects.toThrow('9999-later');
    });
  });
});

/** Until both processes listen; on SQLite there is nothing to wait for. */
async function untilListening(store: Store): Promise<void> {
  await vi.waitFor(async () => {
    const listening = sql`select pid from pg_stat_activity where datname = current_database() and query = 'listen astrolabe_change'`;
    expect((await listening.execute(store.read)).rows).toHaveLength(2);
  });
}
