/** `astro` and `astrolabe`: reads the process, runs one command, ends. */
import { processStreams } from './io.ts';
import { run } from './program.ts';

void main();

async function main(): Promise<void> {
  const streams = processStreams(process.env);
  const code = await run(process.argv.slice(2), { streams, env: process.env, now: Date.now });
  await streams.flushed();
  // Not left to the event loop: a connection kept alive or a standard input that nobody closes would hold the process.
  process.exit(code);
}
