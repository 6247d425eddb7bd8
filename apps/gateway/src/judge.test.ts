import { createSignatureCache, thumbprint } from '@astrolabe/verify';
import { beforeEach, describe, expect, test } from 'vitest';
import { FakeControlPlane, type Issued, type IssueOptions, ids, newSigningKey, TestClock } from './fake-control-plane.ts';
import { FeedSession } from './feed-session.ts';
import { type Call, type Gate, judge, type Pass, type Refusal } from './judge.ts';
import { State } from './state.ts';

const minute = 60_000;
const day = 86_400_000;

let clock: TestClock;
let server: FakeControlPlane;
let state: State;
let gate: Gate;
let session: FeedSession;

beforeEach(() => {
  clock = new TestClock();
  server = new FakeControlPlane(clock);
  state = new State(ids.deployment, clock);
  const signatures = createSignatureCache(state.keys);
  state.onChange(() => signatures.replaceKeys(state.keys));
  gate = { state, signatures, clock, limits: { maxStalenessMs: 300_000, maxDirectStalenessMs: 604_800_000, maxSkewSeconds: 30 } };
  session = new FeedSession({
    deploymentId: ids.deployment,
    agentTokenId: ids.agentToken,
    feedKeyThumbprint: thumbprint(server.feedKey.jwk),
    position: () => state.position,
    latestAt: () => state.freshness.latestAt,
    apply: (update) => state.apply(update),
    count: ({ at }) => state.freshness.count(at),
  });
  hear(server.keysLine(), ...server.snapshotLines(), server.heartbeatLine());
});

function hear(...lines: readonly string[]): void {
  for (const line of lines) session.take(line);
}

function issue(options?: IssueOptions): Issued {
  const issued = server.issue(options);
  hear(server.publish(issued.entry), server.heartbeatLine({ at: clock.now() + 1 }));
  return issued;
}

const list = { method: 'GET', target: '/api/v2/connections' };

function ask(bearer: string | undefined, call: Omit<Call, 'bearer'> = list): Pass | Refusal {
  return judge(gate, bearer === undefined ? call : { ...call, bearer });
}

const codeOf = (verdict: Pass | Refusal): string => ('refused' in verdict ? verdict.refused : 'pass');
const detailOf = (verdict: Pass | Refusal): string | undefined => ('refused' in verdict ? verdict.detail : undefined);

describe('the order of the answers', () => {
  const unknown = { method: 'GET', target: '/api/v2/nowhere' };
  const otherMethod = { method: 'DELETE', target: '/api/v2/connections' };

  test('a live token with the right passes, and what is forwarded was built anew', () => {
    const issued = issue();
    const verdict = ask(issued.value, { method: 'GET', target: '/api/v2/connections?limit=5&nonsense=1' });
    expect(verdict).toMatchObject({ caller: { token: { id: issued.id } }, route: { upstreamTarget: '/api/v2/connections?limit=5' } });
  });

  test('no or a bad token is a 401, whatever the path', () => {
    for (const call of [list, unknown, otherMethod]) {
      expect(codeOf(ask(undefined, call))).toBe('credential_missing');
      expect(codeOf(ask('garbage', call))).toBe('invalid_token');
    }
  });

  test('an unknown path is a 404 and another method a 405, whatever the rights', () => {
    for (const role of ['DEPLOYMENT_ADMIN', 'DEPLOYMENT_ACCESSOR']) {
      const { value } = issue({ role });
      expect(codeOf(ask(value, unknown))).toBe('route_unknown');
      expect(ask(value, otherMethod)).toMatchObject({ refused: 'method_not_allowed', allow: ['GET', 'PATCH', 'POST'] });
    }
  });

  test('a missing right is a 403 that names it', () => {
    const { value, id } = issue({ role: 'DEPLOYMENT_ACCESSOR' });
    const verdict = ask(value);
    expect(verdict).toMatchObject({ refused: 'permission_denied', scope: 'deployment.airflow.connection.get' });
    expect(detailOf(verdict)).toBe(`The token ${id} lacks deployment.airflow.connection.get on the Deployment.`);
  });

  test('a state that is too old is told before path and right, and after the token', () => {
    const { value } = issue({ role: 'DEPLOYMENT_ACCESSOR' });
    clock.advance(10 * minute);
    expect(codeOf(ask(value, unknown))).toBe('control_plane_unreachable');
    expect(codeOf(ask(value))).toBe('control_plane_unreachable');
    expect(codeOf(ask('garbage'))).toBe('invalid_token');
  });

  test('before the first snapshot nobody gets in, and nobody learns anything', () => {
    const { value } = issue();
    gate = { ...gate, state: new State(ids.deployment, clock) };
    expect(ask(value)).toEqual(ask('garbage'));
    expect(codeOf(ask(value))).toBe('control_plane_unreachable');
  });
});

describe('staleness', () => {
  test.each([
    ['STANDARD', 300_000],
    ['DIRECT_ACCESS', 604_800_000],
  ] as const)('V-03 a %s token passes at its limit and not a millisecond later', (kind, limitMs) => {
    const { value } = issue({ kind, expiresAt: clock.now() + 30 * day });
    clock.advance(1_000);
    hear(server.heartbeatLine());
    clock.advance(limitMs);
    expect(codeOf(ask(value))).toBe('pass');
    clock.advance(1);
    expect(codeOf(ask(value))).toBe('control_plane_unreachable');
  });

  test('V-03 the refusal says how old the state is, and the next heartbeat ends it', () => {
    const { value } = issue();
    clock.advance(301_500);
    expect(detailOf(ask(value))).toBe('What the gateway knows is 301 s old; this kind of token is accepted up to 300 s.');
    hear(server.heartbeatLine());
    expect(codeOf(ask(value))).toBe('pass');
  });

  test('V-03 the limits are configuration', () => {
    const { value } = issue();
    gate = { ...gate, limits: { ...gate.limits, maxStalenessMs: 2_000 } };
    clock.advance(2_002);
    expect(codeOf(ask(value))).toBe('control_plane_unreachable');
  });

  test('V-13 a wrong clock is told as such', () => {
    const { value } = issue();
    clock.wall -= 20_000; // the times of the value itself are within the skew
    expect(detailOf(ask(value))).toMatch(/clock_skew/);
  });
});

describe('time', () => {
  test('R-03 a token expires on time, whatever the skew allows and the control plane does', () => {
    const { value } = issue({ kind: 'DIRECT_ACCESS', expiresAt: clock.now() + day });
    clock.advance(day - 1);
    expect(codeOf(ask(value))).toBe('pass');
    clock.advance(1);
    expect(codeOf(ask(value))).toBe('invalid_token');
    expect(detailOf(ask(value))).toBe('This value of the token expired at 2026-11-02T00:00:00.000Z.');
  });

  test('J-08 exp of the value ends it within the skew even if the list says nothing', () => {
    const issued = server.issue({ kind: 'DIRECT_ACCESS', expiresAt: clock.now() + day });
    hear(server.publish({ ...issued.entry, values: issued.entry.values.map(({ jtiHash, issuedAt }) => ({ jtiHash, issuedAt })) }));
    clock.advance(day + 29_999);
    expect(codeOf(ask(issued.value))).toBe('pass');
    clock.advance(1);
    expect(detailOf(ask(issued.value))).toBe('This value of the token expired at 2026-11-02T00:00:00.000Z.');
  });

  test('a token without an end goes on', () => {
    const { value } = issue({ expiresAt: null });
    clock.advance(3_650 * day);
    hear(server.heartbeatLine());
    expect(codeOf(ask(value))).toBe('pass');
  });

  test('R-05 after a rotation without overlap the old value is refused at once, and the new one works', () => {
    const old = issue();
    expect(codeOf(ask(old.value))).toBe('pass');
    const next = server.issue({ id: old.id });
    hear(server.retire(old, 'rotated', next));
    expect(detailOf(ask(old.value))).toBe('This value of the token was replaced by a rotation at 2026-11-01T00:00:00.000Z.');
    expect(codeOf(ask(next.value))).toBe('pass');
  });

  test('R-04 in an overlap both values work, after it only the new one', () => {
    const old = issue();
    const next = server.issue({ id: old.id });
    const overlapEnd = clock.now() + minute;
    const ending = old.entry.values.map((value) => ({ ...value, endsAt: overlapEnd }));
    hear(server.publish({ ...next.entry, values: [...ending, ...next.entry.values] }));
    expect([codeOf(ask(old.value)), codeOf(ask(next.value))]).toEqual(['pass', 'pass']);
    clock.advance(minute);
    expect([codeOf(ask(old.value)), codeOf(ask(next.value))]).toEqual(['invalid_token', 'pass']);
  });
});

describe('J-07 issuer and audience', () => {
  const workspace = { aud: [`workspace:${ids.workspace}`] };

  test('this Deployment, its workspace and its organization are accepted, as text and as list', () => {
    for (const aud of [`deployment:${ids.deployment}`, `workspace:${ids.workspace}`, `organization:${ids.organization}`]) {
      expect(codeOf(ask(issue({ claims: { aud } }).value))).toBe('pass');
      expect(codeOf(ask(issue({ claims: { aud: [aud] } }).value))).toBe('pass');
    }
  });

  test('a token of Deployment A is refused at Deployment B, even one in its list', () => {
    for (const aud of [`deployment:${ids.otherDeployment}`, 'workspace:other', ids.deployment, `Deployment:${ids.deployment}`]) {
      expect(codeOf(ask(issue({ claims: { aud } }).value))).toBe('invalid_token');
    }
  });

  test('the workspace is the one the Deployment belongs to now', () => {
    const { value } = issue({ claims: workspace });
    const { organization: organizationId, deployment: id } = ids;
    hear(server.publish({ kind: 'deployment', id, name: 'x', workspaceId: ids.otherDeployment, organizationId, issuers: [server.issuer] }));
    expect(codeOf(ask(value))).toBe('invalid_token');
  });

  test('the issuer is an exact match of the current one or a listed former one', () => {
    const { organization: organizationId, workspace: workspaceId, deployment: id } = ids;
    const issuers = ['https://new.example', server.issuer];
    hear(server.publish({ kind: 'deployment', id, name: 'x', workspaceId, organizationId, issuers }));
    expect(codeOf(ask(issue().value))).toBe('pass');
    expect(codeOf(ask(issue({ claims: { iss: 'https://new.example' } }).value))).toBe('pass');
    for (const iss of ['https://new.example/', 'https://NEW.example', 'http://new.example']) {
      expect(codeOf(ask(issue({ claims: { iss } }).value))).toBe('invalid_token');
    }
  });
});

describe('what an outsider learns', () => {
  test('S-05 F-05 unknown, forged, foreign and long forgotten values get the same answer as garbage', () => {
    const forgotten = issue({ expiresAt: null });
    hear(server.retire(forgotten, 'deleted'));
    clock.advance(31 * day);
    hear(server.heartbeatLine());
    const garbage = ask('garbage');
    const others = {
      'correctly signed, never in the list': ask(server.issue({ claims: { iat: clock.now() / 1000 - 11 } }).value),
      'of another tenant': ask(server.issue({ claims: { aud: [`deployment:${ids.otherDeployment}`] } }).value),
      'expired, never in the list': ask(server.issue({ expiresAt: clock.now() - minute }).value),
      'signed with another key of the same name': ask(server.issue({ key: newSigningKey('token-1') }).value),
      'signed with an unknown key': ask(server.issue({ key: newSigningKey('token-2') }).value),
      'an agent token': ask(server.agentToken()),
      forgotten: ask(forgotten.value),
      empty: ask(''),
    };
    for (const [name, verdict] of Object.entries(others)) expect(verdict, name).toEqual(garbage);
    expect(garbage).toEqual({ refused: 'invalid_token' });
  });

  test('a live value in the name of another token gets nothing', () => {
    const issued = issue({ claims: {} });
    hear(server.publish({ ...issued.entry, values: [] }, { ...issued.entry, id: ids.otherDeployment }));
    expect(ask(issued.value)).toEqual({ refused: 'invalid_token' });
  });

  test('J-05 a key that is taken away ends what it signed, remembered or not', () => {
    const { value } = issue();
    expect(codeOf(ask(value))).toBe('pass');
    hear(server.publish({ kind: 'keys', keys: [newSigningKey('token-2').jwk] }));
    expect(ask(value)).toEqual({ refused: 'invalid_token' });
  });

  test.each([
    ['deleted', 'The token was deleted at 2026-11-01T00:00:00.000Z.'],
    ['suspended', 'The token was suspended at 2026-11-01T00:00:00.000Z.'],
    ['expired', 'This value of the token expired at 2026-11-01T00:00:00.000Z.'],
  ] as const)('the holder of a value that was once live hears why it is refused: %s', (reason, detail) => {
    const issued = issue();
    hear(server.retire(issued, reason));
    expect(ask(issued.value)).toEqual({ refused: 'invalid_token', detail, tokenId: issued.id });
  });

  test('A-08 a suspended token is refused for lists too, whatever its role', () => {
    const issued = issue({ bindings: [{ entityType: 'ORGANIZATION', entityId: ids.organization, role: 'ORGANIZATION_OWNER' }] });
    expect(codeOf(ask(issued.value, { method: 'GET', target: '/api/v2/dags' }))).toBe('pass');
    hear(server.retire(issued, 'suspended'));
    expect(codeOf(ask(issued.value, { method: 'GET', target: '/api/v2/dags' }))).toBe('invalid_token');
  });

  test('A-10 the end of the Deployment ends every token, and says so to its holders', () => {
    const { value } = issue();
    hear(server.publish({ kind: 'end', reason: 'deployment_deleted', at: clock.now() }));
    expect(detailOf(ask(value))).toBe('The Deployment was deleted at 2026-11-01T00:00:00.000Z.');
    expect(ask('garbage')).toEqual({ refused: 'invalid_token' });
  });
});

describe('a value that may be younger than the feed', () => {
  test('is told to ask again within its first 10 seconds, and lives as soon as it is in the list', () => {
    const issued = server.issue();
    expect(ask(issued.value)).toEqual({ refused: 'invalid_token', mayArrive: true });
    clock.advance(9_999);
    expect(ask(issued.value)).toMatchObject({ mayArrive: true });
    clock.advance(1);
    expect(ask(issued.value)).toEqual({ refused: 'invalid_token' });
    hear(server.publish(issued.entry));
    expect(codeOf(ask(issued.value))).toBe('pass');
  });

  test('is not waited for when it is retired, foreign or forged', () => {
    const retired = issue();
    hear(server.retire(retired, 'deleted'));
    expect(ask(retired.value)).not.toHaveProperty('mayArrive');
    expect(ask(server.issue({ claims: { aud: ['deployment:x'] } }).value)).not.toHaveProperty('mayArrive');
    expect(ask(server.issue({ key: newSigningKey('token-1') }).value)).not.toHaveProperty('mayArrive');
  });
});

describe('rights', () => {
  const dagRuns = (dagId: string, method = 'POST') => ({ method, target: `/api/v2/dags/${dagId}/dagRuns` });

  test('A-09 a role that is taken away is gone with the change that says so', () => {
    const issued = issue();
    expect(codeOf(ask(issued.value))).toBe('pass');
    hear(server.publish({ ...issued.entry, bindings: [] }));
    expect(codeOf(ask(issued.value))).toBe('permission_denied');
  });

  test('A-06 a role on one Dag reaches that Dag and nothing else', () => {
    const { value } = issue({ bindings: [{ entityType: 'DAG', entityId: 'sales', role: 'DAG_AUTHOR' }] });
    expect(codeOf(ask(value, dagRuns('sales')))).toBe('pass');
    expect(codeOf(ask(value, dagRuns('sales', 'GET')))).toBe('pass');
    for (const target of [
      '/api/v2/dags/other/dagRuns',
      '/api/v2/dags/~/dagRuns',
      '/api/v2/dags',
      '/api/v2/connections',
      '/api/v2/eventLogs?dag_id=sales',
    ]) {
      expect(codeOf(ask(value, { method: 'GET', target })), target).toBe('permission_denied');
    }
  });

  test('A-06 a viewer of a Dag reads it and does not run it', () => {
    const { value, id } = issue({ bindings: [{ entityType: 'DAG', entityId: 'sales', role: 'DAG_VIEWER' }] });
    expect(codeOf(ask(value, dagRuns('sales', 'GET')))).toBe('pass');
    expect(detailOf(ask(value, dagRuns('sales')))).toBe(
      `The token ${id} lacks deployment.airflow.dagRun.create on the Deployment, or dag.airflow.dagRun.create on the Dag sales.`,
    );
  });

  test('a body that decides, a look-up and what is never forwarded are closed to everybody', () => {
    const { value } = issue();
    for (const call of [
      { method: 'PATCH', target: '/api/v2/connections' },
      { method: 'GET', target: '/api/v2/backfills/1' },
      { method: 'GET', target: '/api/v2/auth/logout' },
    ]) {
      expect(codeOf(ask(value, call)), call.target).toBe('permission_denied');
    }
  });

  test('a direct access token may do what was frozen and what the state allows, and neither alone', () => {
    const bindings = [{ entityType: 'DAG' as const, entityId: 'sales', role: 'DAG_AUTHOR' }];
    const issued = issue({ kind: 'DIRECT_ACCESS', bindings });
    expect(codeOf(ask(issued.value, dagRuns('sales')))).toBe('pass');
    const wider = { entityType: 'DEPLOYMENT' as const, entityId: ids.deployment, role: 'DEPLOYMENT_ADMIN' };
    hear(server.publish({ ...issued.entry, bindings: [...bindings, wider] }));
    expect(codeOf(ask(issued.value, dagRuns('other')))).toBe('permission_denied');
    expect(detailOf(ask(issued.value, dagRuns('other')))).toMatch(/those of its creation/);
    hear(server.publish({ ...issued.entry, bindings: [] }));
    expect(codeOf(ask(issued.value, dagRuns('sales')))).toBe('permission_denied');
  });
});
