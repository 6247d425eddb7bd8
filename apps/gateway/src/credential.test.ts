import { describe, expect, test } from 'vitest';
import { isPrivateTransport, readCredential } from './credential.ts';
import { FakeControlPlane, TestClock } from './fake-control-plane.ts';

const { value } = new FakeControlPlane(new TestClock()).issue();

describe('readCredential', () => {
  test.each([
    [[], {}],
    [['Authorization', ''], {}],
    [['Authorization', 'Bearer x.y.z'], { bearer: 'x.y.z' }],
    [['authorization', 'BEARER  x.y.z '], { bearer: 'x.y.z' }],
    [['AUTHORIZATION', 'Basic x'], { bearer: '' }],
    [['Authorization', 'x.y.z'], { bearer: '' }],
    [['Authorization', 'Bearer'], { bearer: '' }],
    [['X-Authorization', 'Bearer x', 'Authorizations', 'Bearer y'], {}],
  ])('one credential, none, or one that is not ours: %j', (headers, expected) => {
    expect(readCredential(headers, '/api/v2/dags')).toEqual(expected);
  });

  test.each([
    [['Authorization', 'Bearer x', 'authorization', 'Bearer x']],
    [['Authorization', 'Basic x', 'Host', 'y', 'AUTHORIZATION', 'Bearer x']],
    [['Authorization', '', 'Authorization', 'Bearer x']],
    [['Authorization', 'Bearer x, Bearer y']],
    [['Authorization', 'Bearer x,y']],
  ])('F-08 two are refused, however they come: %j', (headers) => {
    expect(readCredential(headers, '/api/v2/dags')).toBe('several_credentials');
  });

  test.each([
    ['as a parameter of RFC 6750', '/api/v2/dags?access_token=x'],
    ['behind other parameters', '/api/v2/dags?limit=1&access_token='],
    ['with a name that is encoded', '/api/v2/dags?%61ccess_token=x'],
    ['as any value', `/api/v2/dags?note=${value}`],
    ['in the path', `/api/v2/dags/${value}`],
    ['encoded', `/api/v2/variables/${[...value].map((c) => `%${c.charCodeAt(0).toString(16)}`).join('')}`],
    ['beside a broken escape', `/api/v2/dags?a=%zz&note=${value}`],
  ])('F-07 a token in the URL is refused: %s', (_name, target) => {
    expect(readCredential(['Authorization', 'Bearer x'], target)).toBe('credential_in_url');
  });

  test('long targets without a token are none', () => {
    expect(readCredential([], `/api/v2/dags?note=${'eyJ'.repeat(300)}`)).toEqual({});
  });
});

describe('F-09 isPrivateTransport', () => {
  const from = (remoteAddress: string | undefined, headers: Record<string, string> = {}) => ({ headers, socket: { remoteAddress } });

  test('a token comes from the machine itself, or not at all', () => {
    for (const address of ['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1'])
      expect(isPrivateTransport(from(address), false)).toBe(true);
    for (const address of ['10.0.0.5', '::ffff:10.0.0.5', '::11', '2001:db8::1', '', undefined]) {
      expect(isPrivateTransport(from(address), false), address).toBe(false);
    }
  });

  test('what a caller says about its transport is believed only of a proxy that is trusted', () => {
    const https = { 'x-forwarded-proto': 'https' };
    const http = { 'x-forwarded-proto': 'http' };
    expect(isPrivateTransport(from('10.0.0.5', https), false)).toBe(false);
    expect(isPrivateTransport(from('10.0.0.5', https), true)).toBe(true);
    expect(isPrivateTransport(from('10.0.0.5', http), true)).toBe(false);
    expect(isPrivateTransport(from('127.0.0.1', http), true)).toBe(false);
    expect(isPrivateTransport(from('10.0.0.5', { 'x-forwarded-proto': 'https, http' }), true)).toBe(false);
    expect(isPrivateTransport(from('10.0.0.5'), true)).toBe(false);
  });
});
