import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { lineReader } from './lines.ts';

test('lines come one by one, however the chunks fall, and then undefined for good', async () => {
  const read = lineReader(() =>
    Readable.from(
      ['a', 'b\r\nc\n\nend'].map((text) => Buffer.from(text)),
      { objectMode: false },
    ),
  );
  const lines = [];
  for (let i = 0; i < 6; i += 1) lines.push(await read());
  expect(lines).toEqual(['ab', 'c', '', 'end', undefined, undefined]);
});

test('nothing is opened before the first line is wanted', () => {
  lineReader(() => {
    throw new Error('opened');
  });
});
