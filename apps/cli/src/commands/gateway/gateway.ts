/** `astrolabe gateway …` */
import type { Command } from 'commander';
import type { Context } from '../../context.ts';
import { mount } from '../../flags.ts';
import { enrolCommand, type enrolGateway } from './enrol.ts';

export function mountGateway(group: Command, context: Context, run?: typeof enrolGateway): void {
  mount(group, enrolCommand(context, run));
}
