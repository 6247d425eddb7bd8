import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeBase64url, readJsonObject } from './encoding.ts';

const read = (text: string | Uint8Array) => readJsonObject(Buffer.from(text as string)); // Buffer.from takes both
const nested = (depth: number) => `${'{"a":'.repeat(depth - 1)}{}${'}'.repeat(depth - 1)}`;

describe('base64url', () => {
  test('J-10 exactly what encoding gives is decoded', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(decodeBase64url(Buffer.from(bytes).toString('base64url'))).toEqual(Buffer.from(bytes));
      }),
    );
  });

  test('J-10 any other text is not', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 64 }), (text) => {
        const bytes = decodeBase64url(text);
        expect(bytes === undefined || bytes.toString('base64url') === text).toBe(true);
      }),
    );
    for (const text of ['A', 'AB', 'AA=', 'AA==', ' AA', 'AA\n', 'A+', 'A/', '-_-=', 'AÀ']) expect(decodeBase64url(text)).toBeUndefined();
  });
});

describe('JSON', () => {
  test('what JSON.stringify writes is read, and frozen to the bottom', () => {
    const value = { a: [1, { b: 'ä€😀"\\\n' }], c: { d: null, e: true, 1: 0.5 } };
    const result = read(JSON.stringify(value));
    expect(result).toEqual(value);
    for (const part of [result, result.a, (result.a as unknown[])[1], result.c]) expect(Object.isFrozen(part)).toBe(true);
  });

  test('any object of JSON values comes back as it was', () => {
    const safeName = fc.string().filter((name) => !['__proto__', 'constructor', 'prototype'].includes(name));
    fc.assert(
      fc.property(fc.dictionary(safeName, fc.jsonValue({ maxDepth: 3, noUnicodeString: false })), (value) => {
        fc.pre(!/"(__proto__|constructor|prototype)":/.test(JSON.stringify(value)));
        expect(JSON.stringify(read(JSON.stringify(value)))).toBe(JSON.stringify(value));
      }),
    );
  });

  test.each([
    ['a duplicate member', '{"a":1,"a":1}'],
    ['a duplicate deep down', '{"a":{"b":[{"c":1,"c":2}]}}'],
    ['a duplicate spelled with an escape', '{"a":1,"\\u0061":2}'],
    ['__proto__', '{"__proto__":{"kind":"DIRECT_ACCESS"}}'],
    ['__proto__ in a list', '{"a":[{"__proto__":null}]}'],
    ['an escaped __proto__', '{"\\u005f_proto__":1}'],
    ['constructor', '{"a":{"constructor":{"b":{}}}}'],
    ['prototype', '{"prototype":1}'],
    ['white space', '{"a": 1}'],
    ['a line feed after it', '{"a":1}\n'],
    ['text after it', '{"a":1}x'],
    ['a second object', '{}{}'],
    ['a NUL after it', '{}\0'],
    ['a byte order mark', '\ufeff{}'],
    ['a needless escape', '{"a":"\\u0062"}'],
    ['an escaped slash', '{"a":"\\/"}'],
    ['half a character', '{"a":"\\ud800"}'],
    ['half a character in a name', '{"\\udc00":1}'],
    ['1.0', '{"a":1.0}'],
    ['1e3', '{"a":1e3}'],
    ['-0', '{"a":-0}'],
    ['a number too large for a double', '{"a":1e999}'],
    ['a number that a double rounds', '{"a":9007199254740993}'],
    ['NaN', '{"a":NaN}'],
    ['a comment', '{"a":1/**/}'],
    ['a trailing comma', '{"a":1,}'],
    ['single quotes', "{'a':1}"],
    ['a list', '[]'],
    ['a string', '"a"'],
    ['null', 'null'],
    ['nothing', ''],
    ['17 levels', nested(17)],
    ['a hundred thousand levels', nested(100_000)],
    ['a hundred thousand lists', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`],
  ])('J-10 %s is refused', (_, text) => {
    expect(() => read(text)).toThrow('token refused: malformed');
    expect({}).not.toHaveProperty('kind');
  });

  test('16 levels are read', () => {
    expect(read(nested(16))).toBeDefined();
  });

  test.each([
    ['a lone continuation byte', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['a cut sequence', [0xe2, 0x82]],
    ['an encoded surrogate', [0xed, 0xa0, 0x80]],
    ['past the last character', [0xf4, 0x90, 0x80, 0x80]],
    ['0xff', [0xff]],
  ])('J-10 invalid UTF-8 is refused: %s', (_, bytes) => {
    expect(() => read(Buffer.concat([Buffer.from('{"a":"'), Buffer.from(bytes), Buffer.from('"}')]))).toThrow('token refused: malformed');
  });
});
