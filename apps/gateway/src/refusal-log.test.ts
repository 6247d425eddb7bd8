import { beforeEach, describe, expect, test } from 'vitest';
import { TestClock } from './fake-control-plane.ts';
import { createLog } from './log.ts';
import { RefusalLog } from './refusal-log.ts';

let clock: TestClock;
let lines: { readonly level: number; readonly count?: number; readonly code?: string }[];

beforeEach(() => {
  clock = new TestClock();
  lines = [];
});

function createRefusalLog(level: 'info' | 'debug' = 'info'): RefusalLog {
  return new RefusalLog(createLog(level, { write: (line) => lines.push(JSON.parse(line)) }), clock);
}

const ofToken = { requestId: 'r', code: 'permission_denied', method: 'GET', token: 'c1' } as const;
const inUrl = { requestId: 'r', code: 'credential_in_url', method: 'GET', token: undefined } as const;
const garbage = { requestId: 'r', code: 'invalid_token', method: 'GET', token: undefined } as const;

describe('RefusalLog', () => {
  test('a known token and a token in a URL are the story of the day, garbage is for a developer', () => {
    const log = createRefusalLog('debug');
    for (const refusal of [ofToken, inUrl, garbage]) log.tell(refusal);
    expect(lines.map(({ level, code }) => [level, code])).toEqual([
      [30, 'permission_denied'],
      [30, 'credential_in_url'],
      [20, 'invalid_token'],
    ]);
  });

  test.each([
    ['a known token', ofToken],
    ['a token in a URL, which takes no token to send', inUrl],
  ])('Q-02 U-07 a flood of %s is told in part, and how much was left out', (_name, refusal) => {
    const log = createRefusalLog();
    for (let count = 0; count < 10_000; count++) log.tell(refusal);
    expect(lines).toHaveLength(50);
    clock.advance(1_000);
    log.tell(refusal);
    expect(lines.slice(50)).toMatchObject([{ level: 40, count: 9_950 }, { level: 30 }]);
  });

  test('Q-02 a flood of garbage is not told at all', () => {
    const log = createRefusalLog();
    for (let count = 0; count < 10_000; count++) log.tell(garbage);
    expect(lines).toEqual([]);
  });
});
