import { describe, expect, test } from 'vitest';
import { matchRoute, type RouteMatch, type RouteProblem } from './airflow-routes.ts';

/** What a test says about a match, or the code of the problem. */
function summary(found: RouteMatch | RouteProblem): unknown {
  if ('problem' in found) return found.problem;
  const { route, dag, wildcard, upstreamTarget } = found;
  return { template: route.template, dag: dag?.id, wildcard, upstreamTarget };
}

function matched(method: string, target: string): RouteMatch {
  const found = matchRoute(method, target);
  if ('problem' in found) throw new Error(`${method} ${target}: ${found.problem}: ${found.detail}`);
  return found;
}

const task = '/api/v2/dags/a/dagRuns/r/taskInstances/t';

describe('a path that only looks like another', () => {
  const tricks: readonly (readonly [target: string, outcome: unknown])[] = [
    ['/api/v2/dags/a%2FdagRuns', 'target_refused'],
    ['/api/v2/dags/a%2fdagRuns', 'target_refused'],
    ['/api/v2%2Fdags/a', 'target_refused'],
    ['/api%2Fv2/dags/a', 'target_refused'],
    ['/api/v2/d%61gs/a', { template: '/dags/{dag_id}', dag: 'a', wildcard: false, upstreamTarget: '/api/v2/dags/a' }],
    ['/execution%2fvariables%2fx', 'target_refused'],
    ['/api/v2/dags/%7E/dagRuns', { template: '/dags/{dag_id}/dagRuns', wildcard: true, upstreamTarget: '/api/v2/dags/~/dagRuns' }],
    ['/api/v2/dags/~/dagRuns', { template: '/dags/{dag_id}/dagRuns', wildcard: true, upstreamTarget: '/api/v2/dags/~/dagRuns' }],
    ['/api/v2/dags/ok/../secret', 'target_refused'],
    ['/api/v2/dags/ok/%2e%2e/secret', 'target_refused'],
    ['/api/v2/dags/ok/.%2E/secret', 'target_refused'],
    ['/api/v2/dags/ok/./details', 'target_refused'],
    ['/api/v2/dags/..', 'target_refused'],
    ['/api/v2/dags/.', 'target_refused'],
    ['/api/v2/variables/../dags', 'target_refused'],
    ['/api/v2/variables/..%2f..%2fdags', 'target_refused'],
    ['/api/v2/variables/a%2F..%2Fb', 'target_refused'],
    ['/api/v2/variables/a%2F%2Fb', 'target_refused'],
    ['/api/v2/variables/%2Fetc', 'target_refused'],
    ['//execution/variables/x', 'target_refused'],
    ['//evil.example/api/v2/dags/a', 'target_refused'],
    ['/api/v2//dags/a', 'target_refused'],
    ['/api/v2/dags/a/', 'route_unknown'],
    ['/api/v2/variables/a/', 'route_unknown'],
    ['/api/v2/', 'route_unknown'],
    ['/', 'route_unknown'],
    ['/api/v2/dags/a;x=1', 'target_refused'],
    ['/api/v2/dags/a%3Bx=1', 'target_refused'],
    ['/api/v2/dags;x/a', 'target_refused'],
    ['/api/v2/dags/a%0A', 'target_refused'],
    ['/api/v2/dags/a%00', 'target_refused'],
    ['/api/v2/dags/a%7F', 'target_refused'],
    ['/api/v2/dags/a%C2%85', 'target_refused'],
    ['/api/v2/dags/a%20', 'target_refused'],
    ['/api/v2/dags/a b', 'target_refused'],
    ['/api/v2/dags/a\tb', 'target_refused'],
    ['/api/v2/dags/a\\b', 'target_refused'],
    ['/api/v2/dags/a%5Cb', 'target_refused'],
    ['/api/v2/dags/a%252FdagRuns', 'target_refused'],
    ['/api/v2/dags/a%25', 'target_refused'],
    ['/API/v2/dags/a', 'route_unknown'],
    ['/api/V2/dags/a', 'route_unknown'],
    ['/api/v2/DAGS/a', 'route_unknown'],
    ['/api/v2/dags/a#x', 'target_refused'],
    ['/api/v2/dags/a%23x', 'target_refused'],
    ['/api/v2/dags/a%3Fx=1', 'target_refused'],
    ['/api/v2/dags/caf\u00e9', 'target_refused'],
    ['/api/v2/dags/%zz', 'target_refused'],
    ['/api/v2/dags/%4', 'target_refused'],
    ['/api/v2/dags/%', 'target_refused'],
    ['/api/v2/dags/%C0%AF', 'target_refused'],
    ['/api/v2/dags/%E0%80%AF', 'target_refused'],
    ['/api/v2/dags/%ED%A0%80', 'target_refused'],
    ['/api/v2/dags/%FF', 'target_refused'],
    ['/api/v2/dags/%EF%BC%8F', 'target_refused'], // full-width slash
    ['/api/v2/dags/%EF%BC%8E%EF%BC%8E', 'target_refused'], // full-width dots
    ['http://evil.example/api/v2/dags/a', 'target_refused'],
    ['api/v2/dags/a', 'target_refused'],
    ['*', 'target_refused'],
    ['', 'target_refused'],
    ['?x', 'target_refused'],
  ];

  test.each(tricks)('H-06 %j', (target, outcome) => {
    const expected = typeof outcome === 'string' ? outcome : { dag: undefined, ...(outcome as object) };
    expect(summary(matchRoute('GET', target))).toEqual(expected);
  });

  test('H-06 ids that differ in one character, in case or in Unicode form stay different', () => {
    const ids = ['a', 'A', 'K', '\u212a', 'caf\u00e9', 'cafe', '\uff41', 'a.', 'a-', 'a_', '...'];
    const seen = ids.map((id) => matched('GET', `/api/v2/dags/${encodeURIComponent(id)}`).dag?.id);
    expect(seen).toEqual(ids);
  });

  test('a Dag id is held to what Airflow allows', () => {
    expect(matched('GET', `/api/v2/dags/${'x'.repeat(250)}`).dag?.id).toHaveLength(250);
    for (const id of ['x'.repeat(251), 'a~', '~~', 'a:b', 'a+b', 'a@b', 'a%2Bb', "a'b", 'a|b', 'cafe%CC%81']) {
      expect(summary(matchRoute('GET', `/api/v2/dags/${id}`)), id).toBe('target_refused');
    }
  });
});

describe('a path', () => {
  test('keeps a run id with its time, written one way', () => {
    const id = 'scheduled__2026-01-01T00:00:00+00:00';
    const upstreamTarget = '/api/v2/dags/a/dagRuns/scheduled__2026-01-01T00%3A00%3A00%2B00%3A00';
    expect(matched('GET', `/api/v2/dags/a/dagRuns/${id}`).upstreamTarget).toBe(upstreamTarget);
    expect(matched('GET', `/api/v2/dags/a/dagRuns/${encodeURIComponent(id)}`).upstreamTarget).toBe(upstreamTarget);
  });

  test('takes slashes in the keys that Airflow reads to the end of the path, and nowhere else', () => {
    expect(matched('GET', '/api/v2/variables/a/b').upstreamTarget).toBe('/api/v2/variables/a/b');
    expect(matched('GET', '/api/v2/variables/a%2Fb').upstreamTarget).toBe('/api/v2/variables/a/b');
    expect(matched('DELETE', '/api/v2/pools/a/b%20c').upstreamTarget).toBe('/api/v2/pools/a/b%20c');
    expect(matched('GET', `${task}/xcomEntries/k/dependencies`).route.template).toMatch(/\{xcom_key\}$/);
    expect(matched('PUT', `${task}/state-store/a/b`).upstreamTarget).toBe(`${task}/state-store/a/b`);
    expect(matched('GET', '/api/v2/assets/7/state-store/a/b').upstreamTarget).toBe('/api/v2/assets/7/state-store/a/b');
    expect(summary(matchRoute('GET', '/api/v2/connections/a%2Fb'))).toBe('target_refused');
    expect(summary(matchRoute('GET', '/api/v2/connections/a/b'))).toBe('route_unknown');
    expect(summary(matchRoute('GET', '/api/v2/dags/a%2Fb/dagRuns/r/taskInstances/t/xcomEntries/k'))).toBe('target_refused');
  });

  test('prefers the longer template to a parameter, and a parameter to nothing', () => {
    expect(matched('GET', `${task}/links`).route.template).toMatch(/\/links$/);
    expect(matched('GET', `${task}/0`).route.template).toMatch(/\{map_index\}$/);
    expect(matched('GET', `${task}/-1/tries`).route.template).toMatch(/\{map_index\}\/tries$/);
    expect(matched('GET', '/api/v2/assets/aliases').route.template).toBe('/assets/aliases');
    expect(matched('GET', '/api/v2/dags/a/dagRuns/list').route.template).toBe('/dags/{dag_id}/dagRuns/{dag_run_id}');
    expect(matched('DELETE', '/api/v2/connections/test').route.template).toBe('/connections/{connection_id}');
  });

  test('refuses a number that is none', () => {
    for (const target of [
      '/api/v2/assets/x',
      `${task}/1.0`,
      `${task}/+1`,
      `${task}/logs/latest`,
      '/api/v2/eventLogs/1e3',
      '/api/v2/importErrors/0x1',
    ]) {
      expect(summary(matchRoute('GET', target)), target).toBe('target_refused');
    }
  });

  test('takes ~ only where the table has it', () => {
    for (const target of [
      '/api/v2/dags/~',
      '/api/v2/dags/~/details',
      '/api/v2/dags/a/dagRuns/~',
      '/api/v2/dags/~/dagRuns/r',
      `/api/v2/dagSources/~`,
    ]) {
      expect(summary(matchRoute('GET', target)), target).toBe('target_refused');
    }
    expect(summary(matchRoute('GET', '/api/v2/dags/a/dagRuns/r/taskInstances/~'))).toBe('target_refused');
    expect(summary(matchRoute('POST', '/api/v2/dags/~/dagRuns'))).toBe('target_refused');
  });

  test('A-06 with a ~ anywhere is closed to callers limited to Dags', () => {
    const xcoms = '/taskInstances/t/xcomEntries';
    for (const target of [
      '/api/v2/dags/~/dagRuns',
      '/api/v2/dags/~/dagVersions',
      '/api/v2/dags/~/dagRuns/~/taskInstances',
      '/api/v2/dags/a/dagRuns/~/taskInstances',
      '/api/v2/dags/a/dagRuns/%7e/hitlDetails',
      `/api/v2/dags/a/dagRuns/~${xcoms}`,
      '/api/v2/dags/a/dagRuns/r/taskInstances/~/xcomEntries',
    ]) {
      expect(matched('GET', target), target).toMatchObject({ wildcard: true });
      expect(matched('GET', target)).not.toHaveProperty('dag');
    }
  });

  test('outside the public API is unknown', () => {
    for (const target of [
      '/ui/dags',
      '/execution/variables/x',
      '/auth/token',
      '/openapi.json',
      '/docs',
      '/api/v1/dags',
      '/health',
      '/api/v2/nothing',
      '/api/v2',
    ]) {
      expect(summary(matchRoute('GET', target)), target).toBe('route_unknown');
    }
    expect(summary(matchRoute('POST', '/auth/token'))).toBe('route_unknown');
  });
});

describe('a method', () => {
  test('H-07 that the path does not know is refused with those that it knows', () => {
    expect(matchRoute('PUT', '/api/v2/dags/a')).toMatchObject({ problem: 'method_not_allowed', allow: ['DELETE', 'GET', 'PATCH'] });
    expect(matchRoute('POST', '/api/v2/variables/a/b')).toMatchObject({ problem: 'method_not_allowed', allow: ['DELETE', 'GET', 'PATCH'] });
    expect(matchRoute('GET', `${task}/dry_run`)).toMatchObject({ problem: 'method_not_allowed', allow: ['PATCH'] });
  });

  test.each(['HEAD', 'OPTIONS', 'TRACE', 'CONNECT', 'QUERY', 'get', ''])('H-07 %j is on no list', (method) => {
    expect(summary(matchRoute(method, '/api/v2/dags/a'))).toBe('method_not_allowed');
    expect(summary(matchRoute(method, '/api/v2/nothing'))).toBe('route_unknown');
  });
});

describe('a query', () => {
  const queryOf = (target: string, method = 'GET'): string | undefined => matched(method, target).upstreamTarget.split('?')[1];

  test('keeps what the route declares, in order and encoded one way, and drops the rest', () => {
    expect(queryOf('/api/v2/dags?limit=5&who=me&tags=a+b&tags=c%7Cd&offset=')).toBe('limit=5&tags=a%20b&tags=c%7Cd&offset=');
    expect(queryOf("/api/v2/dags?tags=it's(*)!")).toBe('tags=it%27s%28%2A%29%21');
    expect(queryOf('/api/v2/dags?who=me')).toBeUndefined();
    expect(queryOf('/api/v2/dags?&&')).toBeUndefined();
    expect(queryOf('/api/v2/dags?limit')).toBe('limit=');
  });

  test('cannot put another Dag into the audit log of a route that takes no dag_id', () => {
    expect(queryOf('/api/v2/connections?dag_id=x', 'POST')).toBeUndefined();
    expect(queryOf('/api/v2/dags/a/dagRuns?d%61g_id=b&dag_ids=b', 'POST')).toBeUndefined();
  });

  test('is refused when a parameter that counts once is there twice, in whatever spelling', () => {
    for (const query of ['limit=1&limit=1', 'limit=1&l%69mit=2', 'limit=1&x=&limit']) {
      expect(summary(matchRoute('GET', `/api/v2/dags?${query}`)), query).toBe('target_refused');
    }
  });

  test('does not take ; for a separator', () => {
    expect(queryOf('/api/v2/dags?limit=1;offset=2')).toBe('limit=1%3Boffset%3D2');
  });

  test('is refused with a bad escape, a control character or a fragment, even in what would be dropped', () => {
    for (const query of ['who=%zz', '%C0%AF=1', 'limit=%00', 'limit=1%0d%0aX', 'limit=1#x', 'limit=\\', 'limit=\u00e9', 'limit=1 2']) {
      expect(summary(matchRoute('GET', `/api/v2/dags?${query}`)), query).toBe('target_refused');
    }
  });

  test('with a second ? keeps it as part of the value', () => {
    expect(queryOf('/api/v2/dags?tags=a?b')).toBe('tags=a%3Fb');
  });

  test('deserialize is refused unless it says no', () => {
    const entry = `${task}/xcomEntries/k`;
    expect(queryOf(`${entry}?deserialize=false&stringify=true`)).toBe('deserialize=false&stringify=true');
    for (const value of ['true', '1', 'on', 'TRUE', 'yes', '', 't']) {
      expect(summary(matchRoute('GET', `${entry}?deserialize=${value}`)), value).toBe('target_refused');
    }
    expect(summary(matchRoute('GET', `${entry}?deserialize=false&deserialize=true`))).toBe('target_refused');
  });

  test('that asks the waiting for results asks for the right to XComs too', () => {
    const wait = '/api/v2/dags/a/dagRuns/r/wait?interval=1';
    expect(matched('GET', wait).permissions).toEqual(['deployment.airflow.dagRun.get']);
    const withResult = matched('GET', `${wait}&result=t&re%73ult=u`);
    expect(withResult.permissions).toEqual(['deployment.airflow.dagRun.get', 'deployment.airflow.xcom.get']);
    expect(withResult.dag).toEqual({ id: 'a', permissions: ['dag.airflow.dagRun.get', 'dag.airflow.xcom.get'] });
  });
});
