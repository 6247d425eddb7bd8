import { describe, expect, test } from 'vitest';
import { firstSteps, ownerTokenLine, summary } from './start-text.ts';

const dayMs = 24 * 60 * 60 * 1000;
const now = Date.UTC(2027, 0, 10);
const file = 'data/owner-token';

describe('C-04 what every start says of the owner token', () => {
  test.each([
    [30 * dayMs, 'ends in 30 days (2027-02-09)'],
    [dayMs + 1, 'ends in 1 day (2027-01-11)'],
    [dayMs - 1, 'ends in less than a day (2027-01-10)'],
  ])('%i ms before its end', (left, said) => {
    expect(ownerTokenLine({ file, state: 'live', endsAt: now + left }, now)).toContain(said);
  });

  test('and when none works, how to make one', () => {
    expect(ownerTokenLine({ file, state: 'none' }, now)).toBe(
      'There is no owner token that works in data/owner-token: `astrolabe owner-token` makes one.',
    );
  });
});

test('at the usual address the command line needs none', () => {
  expect(firstSteps({ folder: 'data', serverAddress: 'http://127.0.0.1:8888' }).join('\n')).not.toContain('ASTRO_API_URL');
});

test('one program alone is summed up alone', () => {
  expect(summary({ folder: 'data', gateway: { pid: 7, address: 'http://127.0.0.1:8889', isEnrolled: true } })).toEqual([
    'gateway   http://127.0.0.1:8889   process 7',
    'data      data   logs in data/logs',
  ]);
});
