/**
 * Started by `process.ts`. Reads on standard input which process groups and folders exist (`+group 123`, `-folder /x`),
 * and when the input ends, because whoever started them is gone, ends the groups and removes the folders.
 */
import { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { groupsUnder, signalAll } from './process-group.ts';

const patienceMs = 5000;
const left = { group: new Set<string>(), folder: new Set<string>() };

for await (const line of createInterface({ input: process.stdin })) {
  const [, sign, kind, name] = /^([+-])(group|folder) (.+)$/.exec(line) ?? [];
  if (name === undefined) continue;
  const list = kind === 'group' ? left.group : left.folder;
  if (sign === '+') list.add(name);
  else list.delete(name);
}

if (left.group.size > 0) {
  const groups = groupsUnder([...left.group].map(Number));
  signalAll(groups, 'SIGTERM');
  const deadline = performance.now() + patienceMs;
  while (groups.size > 0 && performance.now() < deadline) {
    await sleep(100);
    signalAll(groups, 0);
  }
  signalAll(groups, 'SIGKILL');
}
for (const folder of left.folder) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
