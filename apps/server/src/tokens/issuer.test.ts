import { detectionPattern, hashJti, importKeys, verifySignedToken } from '@astrolabe/verify';
import { expect, test, vi } from 'vitest';
import { createSealing } from '../sealing.ts';
import * as signing from '../signing-keys/sign.ts';
import { createSigningKey, type SigningKeys } from '../signing-keys/signing-keys.ts';
import { createIssuer, type TokenSubject } from './issuer.ts';

vi.mock('../signing-keys/sign.ts', { spy: true });

const now = Date.UTC(2027, 0, 10, 12) + 999;
const sealing = createSealing(Buffer.alloc(32, 7));

function newKeys(algorithm: 'ES256' | 'EdDSA' | 'RS256'): SigningKeys {
  const rows = {
    token: createSigningKey('token', algorithm, 'current', sealing, now),
    feed: createSigningKey('feed', 'EdDSA', 'current', sealing, now),
  };
  const publicKey = JSON.parse(rows.token.publicKey);
  return {
    current: (use) => ({
      keyId: rows[use].id,
      algorithm: rows[use].algorithm,
      privateKey: sealing.open(rows[use].sealedPrivateKey, `signing_key:${rows[use].id}`) as never, // node:crypto takes PEM as well
      publicKey: JSON.parse(rows[use].publicKey),
    }),
    published: () => [publicKey],
    tokenKeys: importKeys({ keys: [publicKey] }),
  };
}

const subject: TokenSubject = {
  id: 'cm0token00000000000000000',
  organizationId: 'cm0organization0000000000',
  homeScope: 'WORKSPACE',
  homeEntityId: 'cm0workspace0000000000000',
  workspaceId: 'cm0workspace0000000000000',
  kind: 'STANDARD',
};

test.each(['ES256', 'EdDSA', 'RS256'] as const)(
  'F-03 a value signed with %s verifies, and is found by the published pattern',
  (algorithm) => {
    const keys = newKeys(algorithm);
    const issued = createIssuer('https://astrolabe.example', () => keys).issue(subject, now, now + 5000);
    const { claims, jtiHash } = verifySignedToken(issued.value, keys.tokenKeys, 'at+jwt');
    expect(jtiHash).toBe(issued.jtiHash);
    expect(detectionPattern.exec(`key=${issued.value};`)?.[0]).toBe(issued.value);
    expect(claims).toMatchObject({ iss: 'https://astrolabe.example', aud: ['workspace:cm0workspace0000000000000'], kind: 'STANDARD' });
    expect([claims.iat, claims.nbf, claims.exp, issued.endsAt]).toEqual([
      (now - 999) / 1000,
      (now - 999) / 1000,
      (now - 999) / 1000 + 5,
      now - 999 + 5000,
    ]);
  },
);

test('an agent token says which feed key to believe first', () => {
  const keys = newKeys('ES256');
  const issued = createIssuer('https://astrolabe.example', () => keys).issue({ ...subject, kind: 'AGENT' }, now, undefined);
  const { claims } = verifySignedToken(issued.value, keys.tokenKeys, 'agent+jwt');
  expect([claims.feed_key, claims.exp, issued.endsAt]).toEqual([keys.current('feed').keyId, undefined, undefined]);
});

test('F-01 of 100,000 issued values no two have the same jti', () => {
  const keys = newKeys('ES256');
  vi.mocked(signing.signCompact).mockImplementation((_type, _key, payload) => JSON.stringify(payload)); // signatures take most of the time
  const { issue } = createIssuer('https://astrolabe.example', () => keys);
  const jtis = new Set<string>();
  for (let i = 0; i < 100_000; i++) {
    const { value, jtiHash } = issue(subject, now, undefined);
    const { jti } = JSON.parse(value);
    if (hashJti(jti) !== jtiHash || Buffer.from(jti, 'base64url').length !== 16) throw new Error('the database knows the hash of 128 bits');
    jtis.add(jti);
  }
  expect(jtis.size).toBe(100_000);
});
