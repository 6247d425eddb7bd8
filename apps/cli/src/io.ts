/** Everything a command says and asks. Results go to stdout, talk to stderr, answers come from stdin. */
import { writeSync } from 'node:fs';
import { CliError } from './exit.ts';
import { lineReader } from './lines.ts';
import { withoutControls } from './text.ts';

export interface Io {
  /** A result, to stdout. A line end is added. */
  print(text: string): void;
  /** Talk, to stderr. A line end is added. */
  note(text: string): void;
  /** Shows the prompt and reads one line; empty when the input has ended. */
  ask(prompt: string): Promise<string>;
  /**
   * Shows the question and `(y/n)`; only the exact answer `y` is yes.
   * @throws CliError when the input has ended: nobody declined, nobody was asked
   */
  confirm(question: string): Promise<boolean>;
  /** A person sits at the keyboard. */
  readonly isInteractive: boolean;
  /** stdout is a terminal that wants colour. */
  readonly hasColour: boolean;
}

/** What an `Io` stands on; tests bring their own. */
export interface Streams {
  readonly write: (to: 'stdout' | 'stderr', text: string) => void;
  /** Resolves when everything written has left the process. */
  readonly flushed: () => Promise<void>;
  readonly readLine: () => Promise<string | undefined>;
  readonly isInteractive: () => boolean;
  readonly hasColour: () => boolean;
}

export function createIo(streams: Streams): Io {
  return {
    print: (text) => streams.write('stdout', `${text}\n`),
    note: (text) => streams.write('stderr', `${withoutControls(text)}\n`),
    ask: async (prompt) => {
      streams.write('stderr', withoutControls(prompt));
      return (await streams.readLine()) ?? '';
    },
    confirm: async (question) => {
      streams.write('stderr', `${withoutControls(question)} (y/n) `);
      const answer = await streams.readLine();
      if (answer !== undefined) return answer === 'y';
      throw new CliError('nobody answered, because the input has ended', 'Add --force to go on without the question.');
    },
    get isInteractive() {
      return streams.isInteractive();
    },
    get hasColour() {
      return streams.hasColour();
    },
  };
}

/** The streams of this process. Nothing is opened before it is used: each stream costs a millisecond or two at the start. */
export function processStreams(env: Readonly<Record<string, string | undefined>>): Streams {
  const stdout = output(1, () => process.stdout);
  const stderr = output(2, () => process.stderr);
  return {
    write: (to, text) => (to === 'stdout' ? stdout : stderr).write(text),
    flushed: async () => {
      await stdout.flushed();
      await stderr.flushed();
    },
    readLine: lineReader(() => process.stdin),
    isInteractive: () => isTerminal(0),
    hasColour: () => !env.NO_COLOR && isTerminal(1),
  };
}

/**
 * Writes straight to the descriptor, at a tenth of what opening the stream costs. Only where that would block, in a pipe
 * that somebody set to non-blocking, the stream takes over, and keeps the order from there on.
 */
function output(descriptor: number, open: () => NodeJS.WritableStream): { write(text: string): void; flushed(): Promise<void> } {
  let stream: NodeJS.WritableStream | undefined;
  let flushed = Promise.resolve();
  return {
    write: (text) => {
      const rest = stream ? Buffer.from(text) : writeWhatFits(descriptor, Buffer.from(text));
      if (rest.length === 0) return;
      stream ??= open().on('error', () => undefined); // the reader has gone, and nobody is left to tell
      const { promise, resolve } = Promise.withResolvers<void>();
      flushed = promise;
      stream.write(rest, () => resolve());
    },
    flushed: () => flushed,
  };
}

function writeWhatFits(descriptor: number, bytes: Buffer): Buffer {
  let done = 0;
  while (done < bytes.length) {
    try {
      done += writeSync(descriptor, bytes, done);
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if (code === 'EAGAIN') return bytes.subarray(done);
      if (code === 'EPIPE') break; // the reader has seen enough, as in `astro … | head -1`
      throw error;
    }
  }
  return Buffer.alloc(0);
}

/** `node:tty` brings the whole of `node:net` with it, so it is loaded when somebody asks. */
function isTerminal(descriptor: number): boolean {
  return process.getBuiltinModule('node:tty').isatty(descriptor);
}
