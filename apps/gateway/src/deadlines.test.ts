import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Deadlines, type Waiting } from './deadlines.ts';

beforeEach(() => vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));
afterEach(() => vi.useRealTimers());

const waitingUntil = (dueAt: number): Waiting & { expired: number } => ({
  dueAt,
  slot: -1,
  expired: 0,
  expire() {
    this.expired++;
  },
});

test('what is late is told within a tenth of the shortest time; what was moved or forgotten is not', () => {
  const deadlines = new Deadlines(100);
  const now = performance.now();
  const [late, moved, forgotten] = [waitingUntil(now + 100), waitingUntil(now + 100), waitingUntil(now + 100)];
  for (const waiting of [late, moved, forgotten]) deadlines.watch(waiting);
  vi.advanceTimersByTime(95);
  expect(late.expired).toBe(0);
  moved.dueAt = now + 1000;
  deadlines.forget(forgotten);
  vi.advanceTimersByTime(15);
  expect([late.expired > 0, moved.expired, forgotten.expired]).toEqual([true, 0, 0]);
});

test('with nothing under way there is no timer', () => {
  const deadlines = new Deadlines(100);
  const waiting = waitingUntil(Number.POSITIVE_INFINITY);
  deadlines.watch(waiting);
  expect(vi.getTimerCount()).toBe(1);
  deadlines.forget(waiting);
  vi.advanceTimersByTime(20);
  expect(vi.getTimerCount()).toBe(0);
});

test('forgetting one, twice or in any order, forgets no other', () => {
  const deadlines = new Deadlines(100);
  const all = Array.from({ length: 5 }, () => waitingUntil(performance.now()));
  for (const waiting of all) deadlines.watch(waiting);
  for (const index of [1, 1, 4, 0, 0]) deadlines.forget(all[index] as Waiting); // there are five
  vi.advanceTimersByTime(11);
  expect(all.map((waiting) => waiting.expired > 0)).toEqual([false, false, true, true, false]);
});
