import { Command } from 'commander';
import type { Context } from '../../context.ts';
import { Declined } from '../../exit.ts';
import { allFlags, id } from '../../flags.ts';
import { type DeploymentTarget, findDeployment } from '../../look-up.ts';
import { oneLine } from '../../text.ts';

export interface DeleteOptions extends DeploymentTarget {
  readonly force?: boolean;
}

export function deleteCommand(context: Context, run = deleteDeployment): Command {
  return new Command('delete')
    .alias('de')
    .description('Delete a Deployment and end its tokens. The Airflow behind it is left alone')
    .argument('[deployment-id]', 'the Deployment; otherwise --deployment-name, or a choice', id)
    .option('-n, --deployment-name <name>', 'the Deployment by its name')
    .option('-f, --force', 'do not ask')
    .action((deploymentId: string | undefined, _flags, command: Command) =>
      run(context, { ...allFlags<DeleteOptions>(command), ...(deploymentId ? { deploymentId } : {}) }),
    );
}

export async function deleteDeployment(context: Context, o: DeleteOptions): Promise<void> {
  const api = await context.signIn();
  const deployment = await findDeployment(context, api, o);
  if (!o.force) {
    const isSure = await context.io.confirm(`\nAre you sure you want to delete the ${oneLine(deployment.name)} Deployment?`);
    if (!isSure) throw new Declined('Canceling deployment deletion');
  }
  await api.deleteDeployment(deployment.id);
  context.io.print(`\nSuccessfully deleted deployment ${oneLine(deployment.name)}`);
}
