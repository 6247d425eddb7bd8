import { afterAll, beforeAll, describe, test } from 'vitest';
import { sharedSecretStep, steps } from './steps.ts';
import { createWorld, type World } from './world.ts';

/** Real command line, two real processes, real HTTP, a real Airflow 3.3.2. */
describe('first light', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld();
  });
  afterAll(async () => {
    await world?.close();
  });

  for (const step of [...steps, sharedSecretStep]) {
    test(step.title, () => step.run(world, () => undefined), 240_000);
  }
});
