import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    maxWorkers: 2,
    // No test measures the machine: these only end what hangs.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/{core,config,key-service,contracts,shipping,tidy}/**/*.test.ts', 'test/*.test.ts'],
          globalSetup: ['test/support/find-postgres.ts', 'test/support/redis-programs.ts'],
        },
      },
      {
        extends: true,
        test: {
          // They load the machine and look at times: after all others, one by one.
          name: 'proof',
          include: ['test/proof/**/*.test.ts'],
          sequence: { groupOrder: 1 },
          maxWorkers: 2,
          globalSetup: ['test/commands/build.ts', 'test/support/redis-programs.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/{proxy,wire,runtime,commands,examples}/**/*.test.ts'],
          globalSetup: [
            'test/commands/build.ts',
            'test/clients/find-programs.ts',
            'test/support/find-postgres.ts',
            'test/support/redis-programs.ts',
            'test/support/prometheus-programs.ts',
          ],
        },
      },
      {
        extends: true,
        test: {
          name: 'monitoring',
          include: ['test/monitoring/**/*.test.ts'],
          globalSetup: [
            'test/chart/check-helm.ts',
            'test/support/redis-programs.ts',
            'test/support/prometheus-programs.ts',
          ],
        },
      },
      {
        extends: true,
        test: {
          name: 'hardness',
          include: ['test/hardness/**/*.test.ts'],
          globalSetup: 'test/commands/build.ts',
        },
      },
      {
        extends: true,
        test: {
          name: 'chart',
          include: ['test/chart/**/*.test.ts'],
          globalSetup: 'test/chart/check-helm.ts',
        },
      },
      {
        extends: true,
        test: {
          name: 'clients',
          include: ['test/clients/**/*.test.ts'],
          globalSetup: 'test/clients/find-programs.ts',
        },
      },
      {
        extends: true,
        test: {
          // Each starts a browser and the processes behind it: after the others, one by one.
          name: 'browser',
          testTimeout: 120_000,
          hookTimeout: 240_000,
          include: ['test/browser/**/*.test.ts'],
          sequence: { groupOrder: 2 },
          maxWorkers: 1,
          globalSetup: [
            'test/commands/build.ts',
            'test/support/redis-programs.ts',
            'test/browser/find-browser.ts',
          ],
        },
      },
      {
        extends: true,
        test: {
          name: 'forward-auth',
          include: ['test/forward-auth/**/*.test.ts'],
          globalSetup: 'test/forward-auth/proxy-programs.ts',
        },
      },
      // What `npm run test:containers` runs, with an engine and images of its own.
      {
        extends: true,
        test: {
          name: 'containers',
          include: ['test/containers/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
