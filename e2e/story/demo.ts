/** `npm run demo`: the story, told to a person. Leaves nothing behind. */
import { styleText } from 'node:util';
import { findAirflow } from '../airflow/install.ts';
import { steps } from './steps.ts';
import { createWorld } from './world.ts';

console.log('Astrolabe in front of a real Airflow. Everything runs on this machine, in a temporary folder; about two minutes.\n');
const airflow = findAirflow((text) => console.log(text));
if ('missing' in airflow) {
  console.error(`${airflow.missing}.`);
  process.exit(1);
}

const world = await createWorld();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void world.close().finally(() => process.exit(130)));
}
try {
  for (const [index, step] of steps.entries()) {
    console.log(`\n${styleText('bold', `${index + 1}. ${step.says}`)}`);
    await step.run(world, (text) => console.log(`   ${text}`));
    console.log(`   ${styleText('green', '✓')} ${step.title.replace(/^[A-Z]-\d+ /, '')}`);
  }
  console.log('\nThat was all of it. Nothing is left behind; `npm start` begins your own.');
} catch (error) {
  console.error(`\n${styleText('red', 'This step failed.')}`, error);
  process.exitCode = 1;
} finally {
  await world.close();
}
