/** What a command works with. */
import type { Api } from './api.ts';
import type { Io } from './io.ts';

export interface Context {
  readonly io: Io;
  /**
   * Reads the credential at the first use, so that commands that need no server need no token. Says on stderr that it
   * acts with a token, except where existing scripts know it to be silent.
   */
  readonly signIn: (options?: { readonly isSilent?: boolean }) => Promise<Api>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Epoch milliseconds. */
  readonly now: () => number;
}
