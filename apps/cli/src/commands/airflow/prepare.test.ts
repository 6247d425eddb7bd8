import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { mkdtempDisposableSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AirflowCredential, PublicKey } from '@astrolabe/contract';
import { describe, expect, test } from 'vitest';
import { astro } from '../../test-support.ts';

const offline = { env: { ASTRO_API_TOKEN: undefined } };

function read(folder: string, name: string): string {
  return readFileSync(join(folder, name), 'utf8');
}

function settings(folder: string): Record<string, string> {
  const lines = read(folder, 'airflow.env').trimEnd().split('\n');
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

describe('airflow prepare', () => {
  test('own-key: Airflow believes itself and both keys of the gateway', async () => {
    using temporary = mkdtempDisposableSync(join(tmpdir(), 'astro-'));
    const folder = join(temporary.path, 'airflow');
    expect(await astro(['airflow', 'prepare', '--out', folder], offline)).toMatchObject({
      code: 0,
      stdout: ['airflow-key.pem', 'jwks.json', 'airflow.env', 'gateway-credential.json'].map((name) => `${join(folder, name)}\n`).join(''),
      stderr: expect.stringContaining(`--airflow-credential=${join(folder, 'gateway-credential.json')}`),
    });
    const { keys } = JSON.parse(read(folder, 'jwks.json'));
    const [airflow, current, next] = keys.map((key: unknown) => PublicKey.parse(key));
    const credential = AirflowCredential.parse(JSON.parse(read(folder, 'gateway-credential.json')));
    if (credential.way !== 'own-key') throw new Error('another way');
    expect([credential.keyId, credential.next?.keyId]).toEqual([current.kid, next.kid]);
    const pairs = [
      [read(folder, 'airflow-key.pem'), airflow],
      [credential.privateKey, current],
      [credential.next?.privateKey ?? '', next],
    ];
    for (const [pem, jwk] of pairs) {
      const text = Buffer.from('text');
      const signature = sign(null, text, createPrivateKey(pem));
      expect(verify(null, text, createPublicKey({ key: jwk, format: 'jwk' }), signature)).toBe(true);
    }
    expect(settings(folder)).toEqual({
      AIRFLOW__API_AUTH__JWT_PRIVATE_KEY_PATH: join(folder, 'airflow-key.pem'),
      AIRFLOW__API_AUTH__JWT_KID: airflow.kid,
      AIRFLOW__API_AUTH__TRUSTED_JWKS_URL: join(folder, 'jwks.json'),
      AIRFLOW__API_AUTH__JWT_ALGORITHM: 'EdDSA',
    });
  });

  test('shared-secret: both have the same one, of 64 random bytes', async () => {
    using temporary = mkdtempDisposableSync(join(tmpdir(), 'astro-'));
    const folder = join(temporary.path, 'airflow');
    await astro(['airflow', 'prepare', '--out', folder, '--way', 'shared-secret'], offline);
    const credential = AirflowCredential.parse(JSON.parse(read(folder, 'gateway-credential.json')));
    if (credential.way !== 'shared-secret') throw new Error('another way');
    expect(settings(folder)).toMatchObject({ AIRFLOW__API_AUTH__JWT_SECRET: credential.secret, AIRFLOW__API_AUTH__JWT_ALGORITHM: 'HS512' });
    expect(credential.secret).toMatch(/^[\w-]{86}$/);
  });

  test('only its owner can read what it writes, and nothing half written stays', async () => {
    using temporary = mkdtempDisposableSync(join(tmpdir(), 'astro-'));
    const folder = join(temporary.path, 'a', 'b');
    await astro(['airflow', 'prepare', '--out', folder], offline);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(folder)) expect([name, statSync(join(folder, name)).mode & 0o777]).toEqual([name, 0o600]);
    expect(readdirSync(folder)).toHaveLength(4);
  });

  test('it replaces nothing without --force', async () => {
    using temporary = mkdtempDisposableSync(join(tmpdir(), 'astro-'));
    const folder = join(temporary.path, 'airflow');
    const prepare = ['airflow', 'prepare', '--out', folder];
    await astro(prepare, offline);
    const before = read(folder, 'airflow.env');
    expect(await astro(prepare, offline)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('add --force to replace it'),
    });
    expect(read(folder, 'airflow.env')).toBe(before);
    expect(await astro([...prepare, '--force'], offline)).toMatchObject({ code: 0 });
    expect(read(folder, 'airflow.env')).not.toBe(before);
  });

  test('a folder that others can look into, or whose name airflow.env cannot carry, is refused', async () => {
    using temporary = mkdtempDisposableSync(join(tmpdir(), 'astro-'));
    expect(await astro(['airflow', 'prepare', '--out', tmpdir()], offline)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('chmod 700'),
    });
    expect(await astro(['airflow', 'prepare', '--out', join(temporary.path, 'my $files')], offline)).toMatchObject({ code: 1 });
    expect(readdirSync(temporary.path)).toEqual([]);
  });
});
