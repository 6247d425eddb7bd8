/** The edge cases once more, with a library that says yes to everything: they are refused before it is asked. */
import { Buffer } from 'node:buffer';
import { expect, test, vi } from 'vitest';
import { eddsa, es256, keySet } from '../testing.ts';
import { isCanonicalScalar, isProperPoint } from './ed25519.ts';
import { isSignatureGood } from './signature.ts';

vi.mock('node:crypto', async (importActual) => ({ ...(await importActual<typeof import('node:crypto')>()), verify: () => true }));

const bigEndian = (number: bigint) => Buffer.from(number.toString(16).padStart(64, '0'), 'hex');
const littleEndian = (number: bigint) => bigEndian(number).reverse();
const isGood = (keyId: string, ...parts: Buffer[]) => {
  const key = keySet.get(keyId);
  return key !== undefined && isSignatureGood(key, Buffer.from('message'), Buffer.concat(parts));
};

test('J-11 CVE-2022-21449 ES256 r and s are at least 1 and below the order of the group', () => {
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
  for (const good of [1n, order - 1n].map(bigEndian)) {
    expect(isGood(es256.keyId, good, good)).toBe(true);
    for (const bad of [0n, order, order + 1n, 2n ** 256n - 1n].map(bigEndian)) {
      expect(isGood(es256.keyId, bad, good)).toBe(false);
      expect(isGood(es256.keyId, good, bad)).toBe(false);
    }
    expect(isGood(es256.keyId, good)).toBe(false);
    expect(isGood(es256.keyId, good, good, Buffer.alloc(1))).toBe(false);
  }
});

const prime = 2n ** 255n - 19n;
const groupOrder = 2n ** 252n + 27742317777372353535851937790883648493n;
const smallOrder = [
  0n,
  1n,
  prime - 1n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
];

test('J-11 Ed25519 S is below the order of the group', () => {
  const r = littleEndian(2n);
  for (const s of [0n, 1n, groupOrder - 1n]) expect(isGood(eddsa.keyId, r, littleEndian(s))).toBe(true);
  for (const s of [groupOrder, groupOrder + 1n, 2n ** 253n, 2n ** 256n - 1n]) expect(isGood(eddsa.keyId, r, littleEndian(s))).toBe(false);
  expect(isCanonicalScalar(Buffer.alloc(31))).toBe(false);
});

test('J-11 Ed25519 R is canonical and of large order, with either sign', () => {
  const s = littleEndian(1n);
  for (const sign of [0n, 2n ** 255n]) {
    for (const y of [2n, 3n, prime - 2n]) expect(isGood(eddsa.keyId, littleEndian(y + sign), s)).toBe(true);
    for (const y of [...smallOrder, prime, prime + 1n, 2n ** 255n - 1n]) expect(isGood(eddsa.keyId, littleEndian(y + sign), s)).toBe(false);
  }
  expect(isProperPoint(Buffer.alloc(33, 2))).toBe(false);
  expect(isGood(eddsa.keyId, littleEndian(2n))).toBe(false);
});
