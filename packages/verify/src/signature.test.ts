import { Buffer } from 'node:buffer';
import { sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { eddsa, encode, es256, headerText, keySet, rs256, signValue, standardClaims } from '../testing.ts';
import { verifySignedToken } from './index.ts';

const payload = JSON.stringify(standardClaims);
const header = headerText('at+jwt', es256);
const verify = (value: string) => verifySignedToken(value, keySet, 'at+jwt');
const expectRefused = (value: string, code: string) => expect(() => verify(value)).toThrow(`token refused: ${code}`);

describe('signature numbers', () => {
  const order = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');
  const number = (n: bigint) => Buffer.from(n.toString(16).padStart(64, '0'), 'hex');

  test('J-11 ES256 r or s of zero, of the order, past it or negative is refused', () => {
    const [head, body, signature = ''] = signValue('at+jwt', standardClaims).split('.');
    const r = Buffer.from(signature, 'base64url').subarray(0, 32);
    const s = Buffer.from(signature, 'base64url').subarray(32);
    const edges = [0n, order, order + 1n, 2n ** 256n - 1n].map(number);
    const pairs = [
      ...edges.flatMap((a) => edges.map((b) => [a, b])),
      ...edges.flatMap((a) => [
        [a, s],
        [r, a],
      ]),
    ];
    for (const pair of pairs) expectRefused(`${head}.${body}.${encode(Buffer.concat(pair))}`, 'bad_signature');
    expectRefused(`${head}.${body}.${encode(Buffer.concat([number(1n), number(1n)]))}`, 'bad_signature');
  });

  test('J-11 ES256 in DER is refused', () => {
    const input = `${encode(header)}.${encode(payload)}`;
    expectRefused(`${input}.${sign('sha256', Buffer.from(input), es256.privateKey).toString('base64url')}`, 'bad_signature');
  });

  test('J-11 Ed25519 S + L is refused', () => {
    const [head, body, signature = ''] = signValue('at+jwt', standardClaims, eddsa).split('.');
    const bytes = Buffer.from(signature, 'base64url');
    const s = BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString('hex')}`);
    const shifted = number(s + 2n ** 252n + 27742317777372353535851937790883648493n).reverse();
    expectRefused(`${head}.${body}.${encode(Buffer.concat([bytes.subarray(0, 32), shifted]))}`, 'bad_signature');
  });

  test('J-11 Ed25519 R of small order is refused', () => {
    const [head, body] = signValue('at+jwt', standardClaims, eddsa).split('.');
    for (const first of [0, 1]) {
      const r = Buffer.alloc(32);
      r[0] = first;
      expectRefused(`${head}.${body}.${encode(Buffer.concat([r, Buffer.alloc(32)]))}`, 'bad_signature');
    }
  });

  test('J-11 RS256 of zero, one or the modulus is refused', () => {
    const [head, body] = signValue('at+jwt', standardClaims, rs256).split('.');
    const modulus = Buffer.from(rs256.jwk.n ?? '', 'base64url');
    const one = Buffer.alloc(256);
    one[255] = 1;
    for (const wrong of [Buffer.alloc(256), one, modulus]) expectRefused(`${head}.${body}.${encode(wrong)}`, 'bad_signature');
  });

  test('ECDSA lets s be n - s: the other value is the same token, so a token is known by its jtiHash and not by its text', () => {
    const value = signValue('at+jwt', standardClaims);
    const [head, body, signature = ''] = value.split('.');
    const bytes = Buffer.from(signature, 'base64url');
    const s = BigInt(`0x${bytes.subarray(32).toString('hex')}`);
    const twin = `${head}.${body}.${encode(Buffer.concat([bytes.subarray(0, 32), number(order - s)]))}`;
    expect(twin).not.toBe(value);
    expect(verify(twin)).toEqual(verify(value));
  });
});
