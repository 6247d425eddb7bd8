import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readCredential } from './credential.ts';
import { CliError } from './exit.ts';

const read = (value: string) => readCredential({ env: { ASTRO_API_TOKEN: value }, nowMs: 0 });
const toBase64url = (text: string): string => Buffer.from(text).toString('base64url');

test('whatever the variable holds is taken whole or refused without being quoted', () => {
  const segment = fc.oneof(fc.string(), fc.json().map(toBase64url));
  const permissions = fc.oneof(fc.jsonValue(), fc.array(fc.string()), fc.constant(['organizationId:o']));
  const claims = fc.record({ permissions, exp: fc.jsonValue() }, { requiredKeys: [] });
  const value = fc.oneof(
    fc.array(segment, { maxLength: 4 }).map((parts) => parts.join('.')),
    fc.tuple(claims, fc.string()).map(([payload, signature]) => `e30.${toBase64url(JSON.stringify(payload))}.${signature}`),
  );
  fc.assert(
    fc.property(value, (text) => {
      try {
        expect(read(text).value).toBe(text.trim());
      } catch (error) {
        expect(error).toBeInstanceOf(CliError);
        if (text.trim().length > 20) expect(String(error)).not.toContain(text.trim());
      }
    }),
  );
});

test.each([-8_640_000_000_000.001, 8_640_000_000_001, 1e308])('an expiry of %d, which is no date, is malformed', (exp) => {
  const value = `e30.${toBase64url(JSON.stringify({ permissions: ['organizationId:o'], exp }))}.x`;
  expect(() => read(value)).toThrow('API Token is invalid or malformed');
});

test('a workspace is read from the claims, and absent for a token of the organization', () => {
  const value = (permissions: string[]): string => `e30.${toBase64url(JSON.stringify({ permissions }))}.x`;
  expect(read(value(['organizationId:o', 'workspaceId:w', 'other:x:y']))).toMatchObject({ organizationId: 'o', workspaceId: 'w' });
  expect(read(value(['organizationId:o']))).not.toHaveProperty('workspaceId');
});
