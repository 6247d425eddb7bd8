/** The tree of commands, and one run of it. */
import { Command, CommanderError } from 'commander';
import type { Context } from './context.ts';
import { CliError, Declined, exitCodes, reportFailure } from './exit.ts';
import { fromGoFlags } from './go-flags.ts';
import { version } from './installation.ts';
import { createIo, type Io, type Streams } from './io.ts';
import { serverAddress } from './server-address.ts';

const examples = `
For example:
  export ASTRO_API_TOKEN="$(cat data/owner-token)"
  astro deployment list
  astro deployment token create --deployment-id=<id> --name ci --role DEPLOYMENT_ADMIN --expiration 30`;

interface GlobalFlags {
  readonly apiUrl?: string;
  readonly apiTokenFile?: string;
}

interface Group {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly description: string;
  /** A group's code is loaded when the group is named: most of a command's time is its start. */
  readonly load: () => Promise<(group: Command, context: Context) => void>;
}

const groups: readonly Group[] = [
  {
    name: 'deployment',
    aliases: ['de', 'deployments'],
    description: 'Deployments and their API tokens',
    load: async () => (await import('./commands/deployment/deployment.ts')).mountDeployment,
  },
  {
    name: 'workspace',
    aliases: ['wo'],
    description: 'Workspaces',
    load: async () => (await import('./commands/workspace/workspace.ts')).mountWorkspace,
  },
  {
    name: 'organization',
    aliases: ['org'],
    description: 'The organization and its API tokens',
    load: async () => (await import('./commands/organization/organization.ts')).mountOrganization,
  },
  {
    name: 'gateway',
    aliases: [],
    description: 'The gateway in front of an Airflow',
    load: async () => (await import('./commands/gateway/gateway.ts')).mountGateway,
  },
  {
    name: 'airflow',
    aliases: [],
    description: 'Prepare an Airflow for its gateway',
    load: async () => (await import('./commands/airflow/airflow.ts')).mountAirflow,
  },
  {
    name: 'owner-token',
    aliases: [],
    description: 'Make a new token of an Organization Owner, where the data of the server is',
    load: async () => (await import('./commands/owner-token.ts')).mountOwnerToken,
  },
];

/** What a run touches of the world outside. */
export interface Outside {
  readonly streams: Streams;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => number;
}

/** Runs one command line and says how it ended; what went wrong is on stderr by then. */
export async function run(argv: readonly string[], outside: Outside): Promise<number> {
  const io = createIo(outside.streams);
  const { program, takeErrors } = createProgram(io, outside);
  let named = program;
  program.hook('preAction', (_program, command) => {
    named = command;
  });
  try {
    await program.parseAsync(fromGoFlags(argv), { from: 'user' });
    return exitCodes.done;
  } catch (error) {
    if (error instanceof Declined) {
      // Where stdout is only the value, a script would take this line for one.
      const { cleanOutput, json } = named.opts<{ cleanOutput?: boolean; json?: boolean }>();
      (cleanOutput || json ? io.note : io.print)(error.line);
      return exitCodes.done;
    }
    if (error instanceof CommanderError) return endParse(io, error, takeErrors());
    reportFailure(io, error, () => named.helpInformation());
    return exitCodes.failed;
  }
}

function createProgram(io: Io, outside: Outside): { program: Command; takeErrors: () => string } {
  let errors = '';
  const program = new Command('astro')
    .description('Astrolabe: machine credentials for every Airflow Deployment. astro and astrolabe are the same program.')
    .version(`Astro CLI Version: ${version} (Astrolabe)`, '--version', 'print the version')
    .option('--api-url <url>', 'the Astrolabe server (default: ASTRO_API_URL, ASTRO_DOMAIN, http://localhost:8888)')
    .option('--api-token-file <file>', 'file of mode 0600 that holds the API token (default: the variable ASTRO_API_TOKEN)')
    .helpOption('-h, --help', 'show this help')
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => io.print(text.trimEnd()),
      writeErr: (text) => {
        errors += text;
      },
      // Asking the streams would open them, at two milliseconds each.
      getOutHelpWidth: () => 100,
      getErrHelpWidth: () => 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText('after', examples)
    .exitOverride();
  const context: Context = { io, env: outside.env, now: outside.now, signIn: signIn(io, outside, program) };
  for (const { name, aliases, description } of groups)
    program
      .command(name)
      .aliases([...aliases])
      .description(description);
  program.hook('preSubcommand', async (_program, command) => {
    const mountGroup = await groups.find((group) => group.name === command.name())?.load();
    mountGroup?.(command, context);
  });
  return { program, takeErrors: () => errors };
}

function signIn(io: Io, { env, now }: Outside, program: Command): Context['signIn'] {
  return async ({ isSilent = false } = {}) => {
    const { apiUrl, apiTokenFile } = program.opts<GlobalFlags>();
    const [{ createApi }, { readCredential }] = await Promise.all([import('./api.ts'), import('./credential.ts')]);
    const credential = readCredential({ tokenFile: apiTokenFile, env, nowMs: now() });
    const api = createApi(serverAddress({ apiUrl, env }), credential);
    if (!isSilent) io.note('Using an Astro API Token');
    return api;
  };
}

/** How commander ended the run: help and version are results, everything else is a mistake in the command line. */
function endParse(io: Io, error: CommanderError, text: string): number {
  if (error.code === 'commander.helpDisplayed' || error.code === 'commander.version') return exitCodes.done;
  if (error.code === 'commander.help') {
    io.print(text.trimEnd());
    return exitCodes.done;
  }
  const message = error.message.replace(/^error: /, '');
  reportFailure(io, new CliError(message, 'Add --help to see the commands and flags there are.'), () => '');
  return exitCodes.failed;
}
