import { afterAll, beforeAll, inject } from 'vitest';
import { startConsoleStage } from './console-stage.ts';
import { journey } from './journey.ts';
import { enrol, launch } from './operator.ts';
import { pages } from './pages.ts';
import { roles } from './roles.ts';
import type { Visit } from './visit.ts';

const TIERS = { plexe: { basic: ['100/minute'] }, standard: { default: 'unlimited' } };

const stops: (() => Promise<void>)[] = [];
let visit: Visit;

/** One start of all processes for all of it: that takes longer than any of the tests. */
beforeAll(async () => {
  const [stage, browser] = await Promise.all([startConsoleStage(TIERS), launch(inject('chromium'))]);
  stops.push(
    () => browser.close(),
    () => stage.stop(),
  );
  visit = { stage, browser, ada: await enrol(browser, stage.link, 'ada@example.com') };
});

afterAll(async () => {
  for (const stop of stops) await stop();
});

// In this order: each goes on where the one before it has left the page, and the last signs out.
journey(() => visit);
roles(() => visit);
pages(() => visit);
