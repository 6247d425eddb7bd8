import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { detectionPattern } from '@astrolabe/verify';
import { expect, test } from 'vitest';

test('the pages of docs/reference that follow from the code are what the code says', () => {
  execFileSync(process.execPath, [resolve(import.meta.dirname, 'reference.ts')], { stdio: 'pipe' });
});

test('F-03 the published detection pattern is the one that is tested', () => {
  const page = readFileSync(resolve(import.meta.dirname, '../docs/reference/token-format.md'), 'utf8');
  expect(page).toContain(`\n${detectionPattern.source}\n`);
});
