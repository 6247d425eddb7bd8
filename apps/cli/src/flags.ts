/** Values of flags, and how commands hang together. */
import type { Command } from 'commander';
import { CliError } from './exit.ts';

/** Hangs `child` below `parent` with the parent's output and error handling, and returns the child. */
export function mount(parent: Command, child: Command): Command {
  parent.addCommand(child.copyInheritedSettings(parent));
  return child;
}

/** Flags of the command and of the groups above it, as one object. */
export function allFlags<Flags extends object>(command: Command): Flags {
  return command.optsWithGlobals<Flags>();
}

/** Server ids are lower case; existing clients lower-case what was typed (`reference/cli.md` 4.1). */
export function id(text: string): string {
  // A value pasted where an id belongs must not be sent on in a path, where logs would keep it (F-07, L-04).
  if (/^[\w-]+\.[\w-]+\.[\w-]*$/.test(text)) {
    throw new CliError(
      'this is the value of a token, not its id',
      'It is a secret, and by now it stands in the history of your shell: rotate that token. Ids are 25 characters and begin with c.',
    );
  }
  return text.toLowerCase();
}
