/**
 * Started by `process.ts`. Reads on standard input which process groups and folders exist (`+group 123`, `-folder /x`),
 * and when the input ends, because whoever started them is gone, ends the groups and removes the folders.
 */
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const patienceMs = 5000;
const left = { group: new Set<string>(), folder: new Set<string>() };

for await (const line of createInterface({ input: process.stdin })) {
  const match = /^([+-])(group|folder) (.+)$/.exec(line);
  if (!match) continue;
  const [, sign, kind, name] = match;
  const list = kind === 'group' ? left.group : left.folder;
  if (sign === '+') list.add(name ?? '');
  else list.delete(name ?? '');
}

signalAll('SIGTERM');
const deadline = performance.now() + patienceMs;
while (left.group.size > 0 && performance.now() < deadline) {
  await sleep(100);
  signalAll(0);
}
signalAll('SIGKILL');
for (const folder of left.folder) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });

/** Forgets the groups that have no member left. */
function signalAll(signal: NodeJS.Signals | 0): void {
  for (const group of left.group) {
    try {
      process.kill(-Number(group), signal);
    } catch {
      left.group.delete(group);
    }
  }
}
