import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { test } from 'vitest';

test('the pages of docs/reference that follow from the code are what the code says', () => {
  execFileSync(process.execPath, [resolve(import.meta.dirname, 'reference.ts')], { stdio: 'pipe' });
});
