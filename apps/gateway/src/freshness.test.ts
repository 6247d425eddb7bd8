import { describe, expect, test } from 'vitest';
import { TestClock } from './fake-control-plane.ts';
import { Freshness } from './freshness.ts';

function fresh(): { clock: TestClock; freshness: Freshness } {
  const clock = new TestClock();
  return { clock, freshness: new Freshness(clock) };
}

describe('staleness', () => {
  test('is infinite before any heartbeat', () => {
    expect(fresh().freshness.stalenessMs()).toBe(Number.POSITIVE_INFINITY);
  });

  test('grows with the time since the last heartbeat, and goes back with the next', () => {
    const { clock, freshness } = fresh();
    freshness.count(clock.now());
    expect(freshness.stalenessMs()).toBe(0);
    clock.advance(7_000);
    expect(freshness.stalenessMs()).toBe(7_000);
    expect(freshness.count(clock.now())).toBe(true);
    expect(freshness.stalenessMs()).toBe(0);
  });

  test('V-05 is the age of the signature, not of its arrival: a frozen feed grows old', () => {
    const { clock, freshness } = fresh();
    freshness.count(clock.now() - 40_000);
    expect(freshness.stalenessMs()).toBe(40_000);
  });

  test('V-05 a replayed heartbeat does not count', () => {
    const { clock, freshness } = fresh();
    const at = clock.now();
    freshness.count(at);
    clock.advance(10_000);
    expect(freshness.count(at)).toBe(false);
    expect(freshness.count(at - 1)).toBe(false);
    expect(freshness.stalenessMs()).toBe(10_000);
  });

  test('V-13 monotonic time counts when the wall clock stands still or creeps back', () => {
    const { clock, freshness } = fresh();
    freshness.count(clock.now());
    clock.monotonic += 120_000;
    clock.wall -= 500;
    expect(freshness.stalenessMs()).toBe(120_000);
  });

  test('V-13 wall time counts when it jumps ahead', () => {
    const { clock, freshness } = fresh();
    freshness.count(clock.now());
    clock.wall += 3_600_000;
    expect(freshness.stalenessMs()).toBe(3_600_000);
  });

  test('V-13 a wall clock that was set back counts as beyond every limit until it is right again', () => {
    const { clock, freshness } = fresh();
    freshness.count(clock.now());
    clock.wall -= 3_600_000;
    expect(freshness.stalenessMs()).toBe(Number.POSITIVE_INFINITY);
    expect(freshness.isClockWrong()).toBe(true);
    clock.wall += 3_600_000;
    expect(freshness.stalenessMs()).toBe(0);
  });

  test('V-13 a heartbeat more than 60 s in the future says that a clock is wrong, and does not count', () => {
    const { clock, freshness } = fresh();
    freshness.count(clock.now());
    expect(freshness.count(clock.now() + 60_001)).toBe(false);
    expect(freshness.stalenessMs()).toBe(Number.POSITIVE_INFINITY);
    clock.advance(1_000);
    expect(freshness.count(clock.now() + 60_000)).toBe(true);
    expect(freshness.stalenessMs()).toBe(0);
  });

  test('V-04 a heartbeat of an earlier run counts at its real age, and goes on growing older', () => {
    const { clock, freshness } = fresh();
    freshness.restore(clock.now() - 250_000, clock.now() - 250_000);
    expect(freshness.stalenessMs()).toBe(250_000);
    clock.monotonic += 10_000;
    expect(freshness.stalenessMs()).toBe(260_000);
  });

  test('V-04 a restart with the wall clock set back before the last heartbeat is beyond every limit', () => {
    const { clock, freshness } = fresh();
    freshness.restore(clock.now() + 30_000, clock.now() + 30_000);
    expect(freshness.stalenessMs()).toBe(Number.POSITIVE_INFINITY);
  });

  test('a state of another epoch waits for its own heartbeat, and an older one never counts', () => {
    const { clock, freshness } = fresh();
    freshness.count(clock.now());
    freshness.forget();
    expect(freshness.stalenessMs()).toBe(Number.POSITIVE_INFINITY);
    expect(freshness.count(clock.now() - 1)).toBe(false);
    expect(freshness.count(clock.now() + 1)).toBe(true);
    expect(freshness.stalenessMs()).toBe(0);
  });
});
