import { expect, test } from 'vitest';
import { attack, settledHeapBytes } from '../mutate.ts';

const count = 200_000; // ten million: `node packages/verify/fuzz.ts`
const seed = 20_261_126;

test(`J-14 F-02 of ${count} mutated values none is accepted and none crashes, in bounded memory; seed ${seed}`, {
  timeout: 120_000,
}, () => {
  attack(1000, seed + 1); // what is allocated once
  const before = settledHeapBytes();
  const { mutations, accepted, crashes, refused } = attack(count, seed);
  const grownBytes = settledHeapBytes() - before;
  expect({ accepted, crashes }).toEqual({ accepted: [], crashes: [] });
  expect(mutations).toBe(count);
  expect(grownBytes).toBeLessThan(4 * 1024 * 1024);
  // The attack reaches every check that stands before the claims are compared with anything.
  const reached = ['malformed', 'too_large', 'unknown_type', 'unknown_key', 'wrong_algorithm', 'bad_signature', 'bad_claims'];
  expect(Object.keys(refused).sort()).toEqual(reached.sort());
});
