import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { problemBody, problems } from './problems.ts';

describe('problem table', () => {
  test.each(Object.entries(problems))('%s has a page that says what happened and how to fix it', (code, { status, title }) => {
    const page = readFileSync(new URL(`../../../docs/reference/problems/${code}.md`, import.meta.url), 'utf8');
    expect(page).toContain(`# ${title}\n\n\`${code}\` · status ${status}\n`);
    expect(page).toMatch(/## What happened\n\n\S/);
    expect(page).toMatch(/## How to fix it\n\n- \S/);
    expect(page).toMatch(/## Example\n\n\S/);
  });

  test('a body carries RFC 9457 members and what existing clients read', () => {
    expect(problemBody('name_taken', { requestId: 'r', detail: 'The name "ci" is taken.' })).toEqual({
      type: '/problems/name_taken',
      title: 'The name is taken',
      status: 409,
      code: 'name_taken',
      detail: 'The name "ci" is taken.',
      requestId: 'r',
      message: 'The name "ci" is taken.',
      statusCode: 409,
    });
  });
});
