import { describe, expect, test } from 'vitest';
import { serverAddress } from './server-address.ts';

describe('which server', () => {
  test.each([
    [undefined, {}, 'http://localhost:8888'],
    [undefined, { ASTRO_DOMAIN: 'localhost' }, 'http://localhost:8888'],
    [undefined, { ASTRO_DOMAIN: 'astro.example.com' }, 'https://api.astro.example.com'],
    [undefined, { ASTRO_DOMAIN: 'x.test:8443', ASTRO_API_URL: '' }, 'https://api.x.test:8443'],
    [undefined, { ASTRO_DOMAIN: 'x.test', ASTRO_API_URL: 'https://y.test/' }, 'https://y.test'],
    ['https://z.test/astro//', { ASTRO_API_URL: 'https://y.test' }, 'https://z.test/astro'],
    ['https://z.test/v1', {}, 'https://z.test'],
    ['http://127.0.0.1:8888', {}, 'http://127.0.0.1:8888'],
    ['http://[::1]:8888', {}, 'http://[::1]:8888'],
  ])('--api-url %s with %j is %s', (apiUrl, env, address) => {
    expect(serverAddress({ apiUrl, env })).toBe(address);
  });

  test.each([
    ['localhost:8888', {}, 'is not an http or https address'],
    ['ftp://x.test', {}, 'is not an http or https address'],
    ['https://x.test/?a=1', {}, 'is not an http or https address'],
    ['https://u:secret@x.test', {}, 'it holds a user name or password'],
    [undefined, { ASTRO_DOMAIN: 'evil.test/@x' }, 'ASTRO_DOMAIN is not a domain'],
  ])('%s with %j is refused', (apiUrl, env, message) => {
    expect(() => serverAddress({ apiUrl, env })).toThrow(message);
    expect(() => serverAddress({ apiUrl, env })).not.toThrow('secret');
  });

  test.each(['http://astro.example.com', 'http://127.0.0.1.example.com', 'http://localhost.example.com', 'http://10.0.0.1'])(
    'F-09 a token does not travel unencrypted: %s',
    (apiUrl) => {
      expect(() => serverAddress({ apiUrl, env: {} })).toThrow('unencrypted');
    },
  );
});
