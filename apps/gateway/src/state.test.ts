import type { FeedBinding, FeedEntry } from '@astrolabe/contract';
import { allows } from '@astrolabe/policy';
import { beforeEach, describe, expect, test } from 'vitest';
import { FakeControlPlane, type Issued, ids, TestClock } from './fake-control-plane.ts';
import { State } from './state.ts';

const day = 86_400_000;
const entity = { organizationId: ids.organization, workspaceId: ids.workspace, deploymentId: ids.deployment };

let clock: TestClock;
let server: FakeControlPlane;
let state: State;
let sequence: number;

beforeEach(() => {
  clock = new TestClock();
  server = new FakeControlPlane(clock);
  state = new State(ids.deployment, clock);
  sequence = 0;
  const { organization: organizationId, workspace: workspaceId, deployment: id } = ids;
  put({ kind: 'deployment', id, name: 'production', workspaceId, organizationId, issuers: ['x'] });
});

function put(...entries: readonly FeedEntry[]): void {
  sequence += 1;
  state.apply({ position: { epoch: 'e', sequence, chain: '' }, replaces: false, entries });
}

function rightsOf(bindings: readonly FeedBinding[]) {
  const issued = server.issue({ bindings });
  put(issued.entry);
  return state.find(issued.jtiHash)?.token ?? { grants: [] };
}

/** The token's entry with the value retired. */
function retired(issued: Issued, reason: 'rotated' | 'deleted' | 'expired' | 'suspended', at = clock.now()): FeedEntry {
  return { ...issued.entry, values: [], retired: [{ jtiHash: issued.jtiHash, reason, at }] };
}

describe('the positive list', () => {
  test('holds what the feed put, and nothing else', () => {
    const [known, unknown] = [server.issue(), server.issue()];
    put(known.entry);
    expect(state.find(known.jtiHash)).toMatchObject({ token: { id: known.id, name: 'ci', kind: 'STANDARD' } });
    expect(state.find(unknown.jtiHash)).toBeUndefined();
    expect(state.liveCount).toBe(1);
  });

  test('a put replaces everything known about its token', () => {
    const first = server.issue();
    const second = server.issue({ id: first.id });
    put(first.entry);
    put(second.entry);
    expect(state.find(first.jtiHash)).toBeUndefined();
    expect(state.find(second.jtiHash)).toBeDefined();
  });

  test('applying an entry twice changes nothing', () => {
    const issued = server.issue();
    put(issued.entry);
    put(issued.entry, issued.entry);
    expect(state.liveCount).toBe(1);
  });

  test('A-08 a suspended token is not in the list, whatever its roles', () => {
    const issued = server.issue();
    put(issued.entry);
    put(retired(issued, 'suspended'));
    expect(state.find(issued.jtiHash)).toBeUndefined();
    expect(state.explain(issued.jtiHash)?.reason).toBe('suspended');
  });

  test('a value that is live and retired at the same time is refused', () => {
    const issued = server.issue();
    put({ ...issued.entry, retired: [{ jtiHash: issued.jtiHash, reason: 'rotated', at: clock.now() }] });
    expect(state.find(issued.jtiHash)).toBeUndefined();
  });

  test('V-01 a token that is gone takes its values with it', () => {
    const issued = server.issue();
    put(issued.entry);
    put({ kind: 'token-gone', id: issued.id, retired: [{ jtiHash: issued.jtiHash, reason: 'deleted', at: clock.now() }] });
    expect(state.find(issued.jtiHash)).toBeUndefined();
    expect(state.explain(issued.jtiHash)).toMatchObject({ tokenId: issued.id, reason: 'deleted' });
  });
});

describe('rights', () => {
  test('A-09 a changed role is the only one that counts from the change on', () => {
    const issued = server.issue({ role: 'DEPLOYMENT_ADMIN' });
    put(issued.entry);
    put({ ...issued.entry, bindings: [{ entityType: 'DEPLOYMENT', entityId: ids.deployment, role: 'DEPLOYMENT_ACCESSOR' }] });
    const token = state.find(issued.jtiHash)?.token ?? { grants: [] };
    expect(allows(token, 'deployment.get', entity)).toBe(true);
    expect(allows(token, 'deployment.airflow.dag.get', entity)).toBe(false);
  });

  test('A-04 a role gives to a token what it gives to tokens', () => {
    const token = rightsOf([{ entityType: 'DEPLOYMENT', entityId: ids.deployment, role: 'DEPLOYMENT_ADMIN' }]);
    expect(allows(token, 'deployment.airflow.dagRun.create', entity)).toBe(true);
    expect(allows(token, 'deployment.apiTokens.create', entity)).toBe(false);
  });

  test('a role on a Dag is one on that Dag of this Deployment', () => {
    const token = rightsOf([{ entityType: 'DAG', entityId: 'sales', role: 'DAG_AUTHOR' }]);
    expect(allows(token, 'dag.airflow.dagRun.create', { ...entity, dagId: 'sales' })).toBe(true);
    expect(allows(token, 'dag.airflow.dagRun.create', { ...entity, dagId: 'sales2' })).toBe(false);
    expect(allows(token, 'dag.airflow.dagRun.create', { ...entity, deploymentId: ids.otherDeployment, dagId: 'sales' })).toBe(false);
    expect(allows(token, 'deployment.airflow.dagRun.create', entity)).toBe(false);
  });

  test('roles of the workspace and the organization reach this Deployment', () => {
    expect(
      allows(
        rightsOf([{ entityType: 'WORKSPACE', entityId: ids.workspace, role: 'WORKSPACE_OWNER' }]),
        'deployment.airflow.dag.get',
        entity,
      ),
    ).toBe(true);
    expect(
      allows(rightsOf([{ entityType: 'WORKSPACE', entityId: 'other', role: 'WORKSPACE_OWNER' }]), 'deployment.airflow.dag.get', entity),
    ).toBe(false);
  });

  test.each([
    ['unknown', { entityType: 'DEPLOYMENT', entityId: ids.deployment, role: 'DEPLOYMENT_GOD' }],
    ['written in another case', { entityType: 'DEPLOYMENT', entityId: ids.deployment, role: 'deployment_admin' }],
    ['the name of something every object has', { entityType: 'DEPLOYMENT', entityId: ids.deployment, role: 'constructor' }],
    ['one for another kind of entity', { entityType: 'DAG', entityId: 'sales', role: 'DEPLOYMENT_ADMIN' }],
    ['one for a wider entity', { entityType: 'DEPLOYMENT', entityId: ids.deployment, role: 'ORGANIZATION_OWNER' }],
  ] as [string, FeedBinding][])('A-07 a role that is %s gives nothing', (_name, binding) => {
    expect(rightsOf([binding]).grants).toEqual([]);
  });
});

describe('keys', () => {
  test('one that cannot be used is left out and the rest goes on', () => {
    const good = server.tokenKey.jwk;
    put({ kind: 'keys', keys: [{ ...good, kid: 'broken', crv: 'P-521' }, good] });
    expect([...state.keys.keys()]).toEqual([good.kid]);
  });

  test('the list replaces the one before it', () => {
    put({ kind: 'keys', keys: [server.tokenKey.jwk] });
    put({ kind: 'keys', keys: [] });
    expect(state.keys.size).toBe(0);
  });
});

describe('V-08 explanations', () => {
  test('are given for 30 days, and then forgotten', () => {
    const issued = server.issue();
    put(retired(issued, 'rotated'));
    clock.advance(30 * day);
    expect(state.explain(issued.jtiHash)?.reason).toBe('rotated');
    clock.advance(1);
    expect(state.explain(issued.jtiHash)).toBeUndefined();
    state.purge();
    expect(state.find(issued.jtiHash)).toBeUndefined();
  });

  test('expired values leave memory 30 days after their end', () => {
    const issued = server.issue({ expiresAt: clock.now() + day });
    put(issued.entry);
    clock.advance(31 * day + 1);
    state.purge();
    expect(state.liveCount).toBe(0);
  });

  test('a year of daily rotations keeps a month of them', () => {
    let current = server.issue();
    let explained: { jtiHash: string; reason: 'rotated'; at: number }[] = [];
    const all = [current];
    for (let night = 0; night < 365; night += 1) {
      clock.advance(day);
      explained = [...explained, { jtiHash: current.jtiHash, reason: 'rotated' as const, at: clock.now() }].filter(
        ({ at }) => at >= clock.now() - 30 * day,
      );
      current = server.issue({ id: current.id, expiresAt: null });
      all.push(current);
      put({ ...current.entry, retired: explained });
      state.purge();
    }
    expect(state.liveCount).toBe(1);
    expect(all.filter((issued) => state.explain(issued.jtiHash) !== undefined)).toHaveLength(31);
  });
});

describe('listeners', () => {
  test('hear every change, and nothing after they left', () => {
    let heard = 0;
    const leave = state.onChange(() => {
      heard += 1;
    });
    put(server.issue().entry);
    put(server.issue().entry);
    leave();
    put(server.issue().entry);
    expect(heard).toBe(2);
  });
});
