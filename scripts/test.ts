/**
 * Runs every test and ends with one plain line made from the real counts: `N passed, N failed`.
 *
 * Unit tests run on this Node and, where `ASTROLABE_NODE_24` names the folder of a Node 24, on that one too; the store's suite also on a
 * throw-away PostgreSQL; the story on a real Airflow. What is not installed is skipped loudly; with `CI=true` it is a failure.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { findAirflow } from '../e2e/airflow/install.ts';
import { findPostgres, startPostgres } from '../e2e/postgres/start.ts';

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

const isCi = process.env.CI === 'true';
const total: Count = { passed: 0, failed: 0, skipped: 0 };
const notes: string[] = [];
const reports = mkdtempSync(join(tmpdir(), 'astrolabe-test-'));

process.on('exit', () => rmSync(reports, { recursive: true, force: true }));
await runUnitTests();
runOnNode24();
runStory();

for (const note of notes) console.log(note);
console.log(`${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`);
process.exitCode = total.failed > 0 ? 1 : 0;

async function runUnitTests(): Promise<void> {
  const found = findPostgres();
  if ('missing' in found) {
    missing('the store on PostgreSQL', found.missing);
    run('unit tests', ['run']);
    return;
  }
  const postgres = await startPostgres();
  try {
    run('unit tests', ['run'], { ASTROLABE_TEST_POSTGRES_URL: await postgres.createDatabase('astrolabe') });
  } finally {
    await postgres.stop();
  }
}

/** The oldest supported Node. The server's start-up is part of it, because Node strips the types itself there. */
function runOnNode24(): void {
  const folder = process.env.ASTROLABE_NODE_24;
  if (!folder) {
    missing('the unit tests on Node 24', 'ASTROLABE_NODE_24 does not name a folder with its `node`');
    return;
  }
  run(
    'unit tests on Node 24',
    ['run', '--exclude', 'scripts/**'],
    { PATH: [folder, process.env.PATH].join(delimiter) },
    join(folder, 'node'),
  );
}

function runStory(): void {
  const airflow = findAirflow();
  if ('missing' in airflow) missing('the story on a real Airflow', airflow.missing);
  else run('the story on a real Airflow', ['run', '--config', 'e2e/vitest.config.ts']);
}

/** Runs vitest and adds what its report says. A run that ends badly without a failed test counts as one failure. */
function run(what: string, args: readonly string[], environment: Record<string, string> = {}, node = process.execPath): void {
  console.log(`\n── ${what}`);
  const report = join(reports, `${what.replaceAll(/\W+/g, '-')}.json`);
  const outcome = spawnSync(
    node,
    ['node_modules/vitest/vitest.mjs', ...args, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    {
      stdio: 'inherit',
      env: { ...process.env, ...environment },
    },
  );
  const count = readReport(report);
  if (outcome.status !== 0 && count.failed === 0) count.failed = 1;
  total.passed += count.passed;
  total.failed += count.failed;
  total.skipped += count.skipped;
}

function readReport(file: string): Count {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>; // vitest's JSON reporter
    return {
      passed: report.numPassedTests ?? 0,
      failed: report.numFailedTests ?? 0,
      skipped: (report.numPendingTests ?? 0) + (report.numTodoTests ?? 0),
    };
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

function missing(what: string, why: string): void {
  if (isCi) total.failed += 1;
  notes.push(`${isCi ? 'FAILED' : 'SKIPPED'}: ${what}. ${why}.`);
}
