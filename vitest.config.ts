import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    maxWorkers: 2,
    testTimeout: 20_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/{core,config,key-service,contracts,tidy}/**/*.test.ts', 'test/*.test.ts'],
        },
      },
      { extends: true, test: { name: 'integration', include: ['test/{proxy,wire,commands}/**/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'clients',
          include: ['test/clients/**/*.test.ts'],
          globalSetup: 'test/clients/find-programs.ts',
        },
      },
    ],
  },
});
