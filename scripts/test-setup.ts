import fc from 'fast-check';

/**
 * Property tests try the same values in every run, so that a red run is about the change and not about luck. To look for
 * something new, give them another seed: `ASTROLABE_TEST_SEED=$RANDOM npm test`.
 */
fc.configureGlobal({ seed: Number(process.env.ASTROLABE_TEST_SEED ?? 20_261_126) });
