/** `astrolabe airflow …` */
import type { Command } from 'commander';
import type { Context } from '../../context.ts';
import { mount } from '../../flags.ts';
import { type prepareAirflow, prepareCommand } from './prepare.ts';

export function mountAirflow(group: Command, context: Context, run?: typeof prepareAirflow): void {
  mount(group, prepareCommand(context, run));
}
