/**
 * Ten million mutated values against the verifier (J-14): `node packages/verify/fuzz.ts`.
 *
 * Another number, with the result on the terminal only: `node packages/verify/fuzz.ts 300000 [seed]`.
 */
import { writeFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, platform } from 'node:os';
import { type AttackReport, attack, settledHeapBytes } from './mutate.ts';

const wholeRun = 10_000_000;
const batch = 100_000;
const maxGrowthBytes = 8 * 1024 * 1024;

const [countText = String(wholeRun), seedText = '1'] = process.argv.slice(2);
const count = Number(countText);
const seed = Number(seedText);
if (![count, seed].every((each) => Number.isSafeInteger(each) && each > 0)) {
  console.error('usage: node packages/verify/fuzz.ts [count] [seed]');
  process.exit(1);
}

const startedAt = Date.now();
attack(1000, seed); // what is allocated once
const heapBytesBefore = settledHeapBytes();
let heapBytesMost = heapBytesBefore;
const refused: Record<string, number> = {};
let mutations = 0;
let payloads = 0;

for (let round = 0; mutations < count; round++) {
  const report = attack(Math.min(batch, count - mutations), seed + round);
  mutations += report.mutations;
  payloads += report.payloads;
  for (const [code, times] of Object.entries(report.refused)) refused[code] = (refused[code] ?? 0) + times;
  heapBytesMost = Math.max(heapBytesMost, settledHeapBytes());
  stopOnFailure(report);
  if (process.stderr.isTTY) process.stderr.write(`\r${mutations.toLocaleString('en')} of ${count.toLocaleString('en')}`);
}
if (heapBytesMost - heapBytesBefore > maxGrowthBytes) fail(`the heap grew by ${heapBytesMost - heapBytesBefore} bytes`);

const result = {
  mutations,
  accepted: 0,
  crashes: 0,
  heapGrowthBytes: heapBytesMost - heapBytesBefore,
  seed,
  payloads,
  refused: Object.fromEntries(Object.entries(refused).sort(([one], [other]) => (one < other ? -1 : 1))),
  seconds: Math.round((Date.now() - startedAt) / 1000),
  date: new Date(startedAt).toISOString(),
  machine: `${cpus()[0]?.model ?? 'unknown'}, ${availableParallelism()} cores, ${platform()} ${arch()}`,
  node: process.version,
};
console.log(JSON.stringify(result, undefined, 2));
if (mutations >= wholeRun) writeFileSync(new URL('fuzz-result.json', import.meta.url), `${JSON.stringify(result, undefined, 2)}\n`);

function stopOnFailure({ seed: ofRound, accepted, crashes }: AttackReport): void {
  if (accepted.length + crashes.length > 0) fail(`seed ${ofRound}: ${JSON.stringify({ accepted, crashes }, undefined, 2)}`);
}

function fail(reason: string): never {
  console.error(reason);
  process.exit(1);
}
