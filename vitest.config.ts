import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['packages/*/src/**/*.test.ts', 'apps/*/src/**/*.test.ts', 'scripts/**/*.test.ts'],
    setupFiles: ['scripts/test-setup.ts'],
    testTimeout: 20_000,
  },
});
