import { defineConfig } from 'vitest/config';

/** Real processes and a real Airflow: one file at a time, minutes and not seconds. */
export default defineConfig({
  test: {
    include: ['e2e/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 300_000,
    bail: 1,
  },
});
