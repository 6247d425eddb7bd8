/** How a command ends, and what it says when it fails. */
import type { Io } from './io.ts';

/** 0 also when a person declined: nothing went wrong. */
export const exitCodes = { done: 0, failed: 1 } as const;

/** A failure the person at the terminal can do something about. */
export class CliError extends Error {
  override readonly name: string = 'CliError';
  /** What to do now: one or more lines, the next thing to type among them. */
  readonly next: string | undefined;

  constructor(message: string, next?: string, options?: ErrorOptions) {
    super(message, options);
    this.next = next;
  }
}

/** A command line that does not say enough; the usage text follows the message. */
export class UsageError extends CliError {
  override readonly name = 'UsageError';
}

/** Thrown to end a command that a person declined. `line` is the "Canceling …" that scripts look for. */
export class Declined extends Error {
  override readonly name = 'Declined';
  readonly line: string;

  constructor(line: string) {
    super(line);
    this.line = line;
  }
}

/** Writes what went wrong to stderr. Never quotes a token: nothing that throws puts one into a message. */
export function reportFailure(io: Io, error: unknown, usage: () => string): void {
  if (!(error instanceof CliError)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    io.note(`Error: this is a fault in the command line itself. Please report these lines:\n${text}`);
    return;
  }
  io.note(`Error: ${error.message}`);
  if (error.next) io.note(error.next);
  if (error instanceof UsageError) io.note(`\n${usage().trimEnd()}`);
}
