/** One core each: programs that stay where they were put, and how much of it they used. */
import { readFileSync } from 'node:fs';
import { type Program, type ProgramOptions, startProgram } from '../e2e/process.ts';

/** Clock ticks in a second, as `/proc` counts them; the same on every Linux that Node runs on. */
const ticksPerSecond = 100;

/** Starts a program that stays on one core with everything it starts. */
export function startOnCore(core: number, options: ProgramOptions): Promise<Program> {
  return startProgram({ ...options, command: 'taskset', args: ['-c', String(core), options.command, ...options.args] });
}

/** Processor seconds that a process and its descendants have used. `taskset` becomes the program, so the id is the program's. */
export function cpuSeconds(pid: number): number {
  // the name in parentheses may hold anything; utime and stime are the 12th and 13th fields after it
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  const own = (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
  return children.reduce((sum, child) => sum + cpuSeconds(Number(child)), own);
}
