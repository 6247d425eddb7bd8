/**
 * Makes `dist/astro.cjs`: everything of the command line in one CommonJS file, because that starts fastest
 * (`bench/cli-start`). Run by `npm run build`; `node build.ts <folder>` puts it somewhere else.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'esbuild';

const here = import.meta.dirname;
const bundle = join(process.argv[2] ?? join(here, 'dist'), 'astro.cjs');
const problemPages = join(here, '..', '..', 'docs', 'reference', 'problems');

/**
 * What commander imports of Node, without the detours. A default import of a built-in copies all its members at the start,
 * and `node:child_process`, for sub-commands that are programs of their own, takes two milliseconds; ours never are.
 */
const leanBuiltins: Plugin = {
  name: 'lean-builtins',
  setup(plugin) {
    plugin.onResolve({ filter: /^node:(child_process|fs|path|process)$/ }, ({ path, importer }) =>
      importer.includes('commander') ? { path, namespace: 'lean' } : undefined,
    );
    plugin.onLoad({ filter: /.*/, namespace: 'lean' }, ({ path }) => ({
      contents: path === 'node:child_process' ? 'export default {};' : `export default process.getBuiltinModule('${path}');`,
    }));
  },
};

rmSync(`${bundle}.cache`, { force: true }); // a compiled form must never meet another bundle
await build({
  entryPoints: [join(here, 'src', 'main.ts')],
  outfile: bundle,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node24',
  minify: true,
  // Wrapped already as Node would wrap it, because bin/astro.js runs it as a script and not as a module.
  banner: { js: '(function (exports, require, module, __filename, __dirname) {' },
  footer: { js: '})' },
  // A dynamic import stays lazy, but takes the way of `require`, which needs no loader of ES modules.
  supported: { 'dynamic-import': false },
  define: {
    'import.meta.dirname': '__dirname',
    ASTRO_VERSION: JSON.stringify(readVersion()),
    ASTRO_REMEDIES: JSON.stringify(readRemedies()),
  },
  plugins: [leanBuiltins],
  logLevel: 'warning',
});

await writeCodeCache();

/** See `code-cache.ts`. */
async function writeCodeCache(): Promise<void> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end('{"tokens":[],"totalCount":0}');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const claims = Buffer.from('{"permissions":["organizationId:x"]}').toString('base64url');
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('code-cache.ts', import.meta.url)), bundle, `http://127.0.0.1:${address.port}`],
    {
      env: { ...process.env, ASTRO_API_TOKEN: `e30.${claims}.` },
      stdio: 'pipe',
    },
  );
  const output: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
  const [code] = await once(child, 'close');
  server.close();
  server.closeAllConnections();
  if (code !== 0 || !existsSync(`${bundle}.cache`)) throw new Error(`code-cache.ts failed (${code}):\n${Buffer.concat(output)}`);
}

function readVersion(): string {
  const { version }: { version: string } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
  return version;
}

/** The first entry under the heading that says how to fix it, of every problem page. */
function readRemedies(): Record<string, string> {
  if (!existsSync(problemPages)) return {};
  const pages = readdirSync(problemPages).filter((name) => name.endsWith('.md'));
  const remedies = pages.map(
    (name) => [name.slice(0, -'.md'.length), firstRemedy(readFileSync(join(problemPages, name), 'utf8'))] as const,
  );
  return Object.fromEntries(remedies.filter(([, remedy]) => remedy !== ''));
}

function firstRemedy(page: string): string {
  const [, after = ''] = page.split(/^#+ .*(?:fix|to do).*$/im);
  const [first = ''] = after.trim().split(/\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )/);
  return first
    .replace(/^(?:[-*]|\d+\.) /, '')
    .replace(/\s+/g, ' ')
    .trim();
}
