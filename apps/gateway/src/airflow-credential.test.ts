import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import { AirflowCredential } from '@astrolabe/contract';
import { describe, expect, test } from 'vitest';
import { createMinter } from './airflow-credential.ts';

const pemOf = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();
const pair = generateKeyPairSync('ed25519');
const ownKey = AirflowCredential.parse({ way: 'own-key', keyId: 'gateway-1', privateKey: pemOf(pair.privateKey) });
const secret = 'x'.repeat(86);
const sharedSecret = AirflowCredential.parse({ way: 'shared-secret', secret });
const subject = { tokenId: 'clukapi6r000008l58530cg8i', tokenName: 'My token' };
const at = Date.parse('2026-11-26T12:00:00.700Z');

function read(authorization: string): {
  header: Record<string, unknown>;
  claims: Record<string, unknown>;
  input: string;
  signature: Buffer;
} {
  const [header = '', claims = '', signature = ''] = authorization.replace(/^Bearer /, '').split('.');
  const json = (part: string): Record<string, unknown> => JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
  return { header: json(header), claims: json(claims), input: `${header}.${claims}`, signature: Buffer.from(signature, 'base64url') };
}

describe('a minted Airflow token', () => {
  test('of the own key is Ed25519, names its key and verifies with the public half', () => {
    const { header, input, signature } = read(createMinter(ownKey, () => at).mint(subject, 'viewer'));
    expect(header).toEqual({ alg: 'EdDSA', kid: 'gateway-1', typ: 'JWT' });
    expect(verify(null, Buffer.from(input), createPublicKey(pair.privateKey), signature)).toBe(true);
  });

  test('of the shared secret is HS512 over the secret as raw text', () => {
    const { header, input, signature } = read(createMinter(sharedSecret, () => at).mint(subject, 'viewer'));
    expect(header).toEqual({ alg: 'HS512', typ: 'JWT' });
    expect(signature).toEqual(createHmac('sha512', secret).update(input).digest());
  });

  test('is valid from 30 s ago until in 60 s, and names audience, role and token', () => {
    const { claims } = read(createMinter(ownKey, () => at).mint(subject, 'op'));
    const seconds = Math.floor(at / 1000);
    expect(claims).toEqual({
      aud: 'apache-airflow',
      sub: 'clukapi6r000008l58530cg8i My token',
      role: 'op',
      iat: seconds - 30,
      nbf: seconds - 30,
      exp: seconds + 60,
      jti: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/),
    });
  });

  test('has an issuer only where Airflow is configured with one', () => {
    const issued = createMinter({ ...ownKey, issuer: 'astrolabe', audience: 'ours' }, () => at).mint(subject, 'user');
    expect(read(issued).claims).toMatchObject({ iss: 'astrolabe', aud: 'ours' });
  });

  test('names the token without control characters, in 1 to 500 characters', () => {
    const minter = createMinter(ownKey, () => at);
    const subOf = (tokenName: string, tokenId = 'c1'): string => String(read(minter.mint({ tokenId, tokenName }, 'viewer')).claims.sub);
    expect(subOf('zo\u00eb: svc/1 \u{1f680}')).toBe('c1 zo\u00eb: svc/1 \u{1f680}');
    expect(subOf('a\r\nb\u0000c\u0085d\u2028e\u202ef\ud800g')).toBe('c1 abcdefg');
    expect(subOf('\n')).toBe('c1');
    expect(Array.from(subOf('\u{1f680}'.repeat(600)))).toHaveLength(500);
  });

  test('is kept for the same token and role until 20 s before its end', () => {
    let now = at;
    const minter = createMinter(ownKey, () => now);
    const first = minter.mint(subject, 'viewer');
    now = at + 39_000;
    expect(minter.mint(subject, 'viewer')).toBe(first);
    now = at + 40_000;
    const second = minter.mint(subject, 'viewer');
    expect(second).not.toBe(first);
    expect(read(second).claims.jti).not.toBe(read(first).claims.jti);
  });

  test('is never shared between roles, tokens or names', () => {
    const minter = createMinter(ownKey, () => at);
    const minted = [
      minter.mint(subject, 'viewer'),
      minter.mint(subject, 'op'),
      minter.mint({ ...subject, tokenId: 'c2' }, 'viewer'),
      minter.mint({ ...subject, tokenName: 'Renamed' }, 'viewer'),
    ];
    expect(new Set(minted).size).toBe(4);
    expect(String(read(minted[3] ?? '').claims.sub)).toContain('Renamed');
  });

  test('is made anew after the clock was set back, when a kept one would not be valid yet', () => {
    let now = at;
    const minter = createMinter(ownKey, () => now);
    const first = minter.mint(subject, 'viewer');
    now = at - 3_600_000;
    expect(read(minter.mint(subject, 'viewer')).claims.nbf).toBe(Number(read(first).claims.nbf) - 3600);
  });

  test('stays right with more tokens than are kept', () => {
    const minter = createMinter(sharedSecret, () => at);
    for (let index = 0; index < 10_050; index++) minter.mint({ tokenId: `c${index}`, tokenName: 'x' }, 'viewer');
    expect(read(minter.mint({ tokenId: 'c10049', tokenName: 'x' }, 'viewer')).claims.sub).toBe('c10049 x');
  });
});

test('a key of another kind is refused at the start, and nothing of it is quoted', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  for (const text of [pemOf(privateKey), 'not a key at all', pemOf(pair.privateKey).slice(0, 60)]) {
    const make = (): unknown => createMinter({ ...ownKey, privateKey: text } as AirflowCredential, () => at);
    expect(make).toThrow(/^the private key for Airflow is not an Ed25519 key in PKCS 8 PEM$/);
  }
});
