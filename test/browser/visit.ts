import type { Browser } from 'playwright-core';
import type { ConsoleStage } from './console-stage.ts';
import type { Operator } from './operator.ts';

/** What all tests of the console share: the processes, the browser, and the first operator, who is an admin. */
export interface Visit {
  readonly stage: ConsoleStage;
  readonly browser: Browser;
  readonly ada: Operator;
}
