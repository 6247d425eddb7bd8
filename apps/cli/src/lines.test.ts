import { Readable } from 'node:stream';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lineReader } from './lines.ts';

async function readAll(chunks: readonly string[]): Promise<string[]> {
  const read = lineReader(() =>
    Readable.from(
      chunks.map((text) => Buffer.from(text)),
      { objectMode: false },
    ),
  );
  const lines: string[] = [];
  for (let line = await read(); line !== undefined; line = await read()) lines.push(line);
  expect(await read()).toBeUndefined();
  return lines;
}

test('lines come one by one, and then undefined for good', async () => {
  expect(await readAll(['a', 'b\r\nc\n\nend'])).toEqual(['ab', 'c', '', 'end']);
  expect(await readAll([])).toEqual([]);
});

test('however the chunks fall', async () => {
  const chunk = fc.string({ unit: fc.constantFrom('a', 'ß', '\n', '\r\n'), minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(fc.array(chunk, { maxLength: 8 }), async (chunks) => {
      const lines = chunks.join('').split(/\r?\n/);
      if (lines.at(-1) === '') lines.pop(); // the text ended with the last line
      expect(await readAll(chunks)).toEqual(lines);
    }),
  );
});

test('nothing is opened before the first line is wanted', () => {
  lineReader(() => {
    throw new Error('opened');
  });
});
