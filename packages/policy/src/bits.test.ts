import { assert, constantFrom, property, string, uniqueArray } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodePermissions, encodePermissions, hasBit } from './bits.ts';
import { catalogue, catalogueVersion, type Permission } from './catalogue.ts';

const permissions = catalogue.map(({ permission }) => permission);
const sets = uniqueArray(constantFrom(...permissions));

describe('frozen sets of rights', () => {
  test('what is written is what is read, whatever the order', () => {
    return assert(
      property(sets, (set) => {
        const text = encodePermissions(set);
        expect(text).toMatch(/^[A-Za-z0-9_-]*$/);
        expect(encodePermissions([...set].reverse())).toBe(text);
        expect(decodePermissions(text, catalogueVersion)).toEqual(new Set(set));
      }),
    );
  });

  test('the text is plain base64url of a bit set, so that others can read it', () => {
    expect(encodePermissions([])).toBe('');
    expect(encodePermissions(['dag.airflow.dag.get'])).toBe('gA');
    return assert(
      property(sets, (set) => {
        const bytes = Buffer.from(encodePermissions(set), 'base64url');
        expect(bytes.toString('base64url')).toBe(encodePermissions(set));
        permissions.forEach((permission, bit) => {
          expect(((bytes[bit >> 3] ?? 0) & (128 >> (bit & 7))) !== 0).toBe(set.includes(permission));
        });
      }),
    );
  });

  test('bits that nobody knows give nothing', () => {
    const everything = '_'.repeat(200);
    expect(decodePermissions(everything, catalogueVersion)).toEqual(new Set(permissions));
    expect(decodePermissions(`${'A'.repeat(100)}${everything}`, catalogueVersion)).toEqual(new Set());
    expect(decodePermissions(everything, catalogueVersion + 1)).toEqual(new Set(permissions)); // a later catalogue only adds
    for (const version of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(decodePermissions(everything, version)).toEqual(new Set());
  });

  test('no text at all can make it fail or give what it does not name', () => {
    expect(decodePermissions('!!!!', catalogueVersion)).toEqual(new Set());
    expect(decodePermissions('====', catalogueVersion)).toEqual(new Set());
    expect(hasBit('_'.repeat(200), catalogueVersion, 'deployment.airflow.nothing.get' as Permission)).toBe(false);
    expect(hasBit('_'.repeat(200), catalogueVersion, '__proto__')).toBe(false);
    return assert(
      property(string({ unit: 'binary', maxLength: 40 }), constantFrom(0, 1, 2, -1), (text, version) => {
        const read = decodePermissions(text, version);
        expect(read.isSubsetOf(new Set(permissions))).toBe(true);
      }),
    );
  });
});
