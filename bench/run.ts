/**
 * Runs the benches one after the other: `node bench/run.ts [--quick] [name …]`. A name is a folder beside this file; without
 * one all run. Ends with 1 when one of them failed; a missed goal is a result, not a failure.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const known = globSync('*/run.ts', { cwd: here })
  .map((file) => file.replace('/run.ts', ''))
  .sort();
const words = process.argv.slice(2);
const flags = words.filter((word) => word.startsWith('-'));
const names = words.filter((word) => !word.startsWith('-'));
const unknown = [...names.filter((name) => !known.includes(name)), ...flags.filter((flag) => flag !== '--quick')];
if (unknown.length > 0) {
  console.error(`${unknown.join(', ')} is not known here. Benches: ${known.join(', ')}; flag: --quick`);
  process.exit(1);
}
const failed = (names.length > 0 ? names : known).filter((name) => {
  console.log(`\n== ${name}`);
  return spawnSync(process.execPath, [`${here}${name}/run.ts`, ...flags], { stdio: 'inherit' }).status !== 0;
});
if (failed.length > 0) {
  console.error(`\nfailed: ${failed.join(', ')}`);
  process.exit(1);
}
