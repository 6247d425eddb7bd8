import { randomBytes, randomInt } from 'node:crypto';

const alphabetSize = 36;
const counterSpace = alphabetSize ** 4;
const fingerprint = randomText(4);
let counter = randomInt(counterSpace);

/**
 * A new 25-character id of the CUID version 1 shape: `c`, 8 characters of time, 4 of a counter, 4 of this process, 8 random.
 * Time comes first because existing clients sort ids as text and expect the order of creation (`reference/api.md` 4.7).
 */
export function createId(now: number): string {
  counter = (counter + 1) % counterSpace;
  const time = Math.trunc(now).toString(alphabetSize).padStart(8, '0');
  return `c${time}${counter.toString(alphabetSize).padStart(4, '0')}${fingerprint}${randomText(8)}`;
}

function randomText(length: number): string {
  let text = '';
  for (const byte of randomBytes(length * 2)) {
    if (text.length < length && byte < 252) text += (byte % alphabetSize).toString(alphabetSize); // 252 = 7 × 36: no bias
  }
  return text.length === length ? text : randomText(length);
}
