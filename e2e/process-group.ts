/** Process groups as the operating system shows them. */
import { execFileSync } from 'node:child_process';

/** Sends a signal to every group, and takes those that have no member left out of the set. Signal 0 only asks. */
export function signalAll(groups: Set<number>, signal: NodeJS.Signals | 0): void {
  for (const group of groups) {
    try {
      process.kill(-group, signal);
    } catch {
      groups.delete(group);
    }
  }
}

/**
 * The groups of these processes and of all their descendants: a program may put a child into a group of its own, as
 * Airflow does with every task. To be asked before the parents end, because an orphan no longer says whose it was.
 */
export function groupsUnder(processes: Iterable<number>): Set<number> {
  const family = new Set(processes);
  const groups = new Set(family);
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,pgid='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  for (let before = -1; before !== family.size; ) {
    before = family.size;
    for (const [pid = 0, parent = 0, group = 0] of table) {
      if (!family.has(parent)) continue;
      family.add(pid);
      groups.add(group);
    }
  }
  return groups;
}
