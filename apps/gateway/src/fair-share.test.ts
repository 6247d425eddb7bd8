import { describe, expect, test } from 'vitest';
import { FairShare } from './fair-share.ts';

/** Enters as many members as named, and says which were started, in order. */
function crowd(most: number) {
  const share = new FairShare<{ name: string }>(most);
  const started: string[] = [];
  const enter = (caller: string, name: string) => {
    const member = { name };
    share.enter(caller, member, () => started.push(name));
    return () => share.leave(caller, member);
  };
  return { share, started, enter };
}

describe('FairShare', () => {
  test('H-08 one caller waits for its own, and nobody for another', () => {
    const { share, started, enter } = crowd(2);
    for (const name of ['a1', 'a2', 'a3']) enter('a', name);
    enter('b', 'b1');
    expect(started).toEqual(['a1', 'a2', 'b1']);
    expect([share.isUsedUp('a'), share.isUsedUp('b'), share.isUsedUp('c')]).toEqual([true, false, false]);
  });

  test('who waits is started in turn, as others leave', () => {
    const { started, enter } = crowd(1);
    const [leave1] = [enter('a', 'a1'), enter('a', 'a2'), enter('a', 'a3')];
    leave1();
    expect(started).toEqual(['a1', 'a2']);
  });

  test('who leaves while waiting is never started, and frees nothing that it did not hold', () => {
    const { share, started, enter } = crowd(1);
    const [leave1, leave2] = [enter('a', 'a1'), enter('a', 'a2')];
    leave2();
    expect(share.isUsedUp('a')).toBe(true);
    leave1();
    expect(started).toEqual(['a1']);
    expect(share.isUsedUp('a')).toBe(false);
  });

  test('there is always room for one', () => {
    const { started, enter } = crowd(0.5);
    enter('a', 'a1');
    expect(started).toEqual(['a1']);
  });
});
