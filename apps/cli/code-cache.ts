/**
 * Writes the compiled form of the bundle beside it. Runs in a process of its own, started by `build.ts` with the address
 * of a server that answers everything: V8 puts into the compiled form what was used until then, so the usual ways
 * through the program are gone once.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { Script } from 'node:vm';

const [, , bundle, address] = process.argv;
if (bundle === undefined || address === undefined) throw new Error('usage: code-cache.ts <bundle> <address>');

const list = ['deployment', 'token', 'list', '--deployment-id=x', '--api-url', address];
const runs = [['--version'], ['--help'], ['deployment', 'token', 'create', '--help'], list];

const script = new Script(readFileSync(bundle, 'utf8'), { filename: bundle });
const load: unknown = script.runInThisContext();
if (typeof load !== 'function') throw new Error('the bundle is not a function');

const exit = process.exit;
process.exit = (): never => undefined as never; // the program ends itself, and here there is more to come
process.on('beforeExit', () => {
  const run = runs.shift();
  if (run) {
    process.argv.splice(2, Number.POSITIVE_INFINITY, ...run);
    load({}, createRequire(bundle), { exports: {} }, bundle, dirname(bundle));
    return setImmediate(() => undefined);
  }
  writeFileSync(`${bundle}.cache.new`, script.createCachedData());
  renameSync(`${bundle}.cache.new`, `${bundle}.cache`);
  exit(0);
});
