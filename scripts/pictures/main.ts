import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { startConsoleStage, type ConsoleStage } from '../../test/browser/console-stage.ts';
import { findBrowser } from '../../test/browser/find-browser.ts';
import { enrol, launch } from '../../test/browser/operator.ts';
import build from '../../test/commands/build.ts';
import { bustle, settle, TIERS, type Key } from './world.ts';

const FOLDER = join(import.meta.dirname, '../../docs/pictures');
const LARGEST_BYTES = 150_000;
/** So that five minutes of traffic have a shape. */
const BUSTLE_MS = Number(process.env['PLEXGATE_PICTURES_SECONDS'] ?? 240) * 1000;

/** `npm run pictures`: the pictures of the docs, of a console at work. */
async function main(): Promise<void> {
  build();
  mkdirSync(FOLDER, { recursive: true });
  const stage = await startConsoleStage(TIERS, { demo: false });
  const browser = await launch(findBrowser());
  try {
    const viewport = { width: 1280, height: 800 };
    const { page } = await enrol(browser, stage.link, 'ada@example.com', { viewport, colorScheme: 'light' });
    const keys = await settle(stage);
    const people = bustle(stage, keys);
    await pause(BUSTLE_MS);
    await take(stage, page, keys);
    people.stop();
  } finally {
    await browser.close();
    await stage.stop();
  }
}

async function take(stage: ConsoleStage, page: Page, keys: readonly Key[]): Promise<void> {
  const [production, , report] = keys;
  const go = async (place: string): Promise<void> => {
    await page.evaluate(`location.hash = ${JSON.stringify(place)}`);
    await pause(2_500);
  };
  await go('#/traffic?seconds=300');
  await picture(page, 'console-traffic-light');
  await page.emulateMedia({ colorScheme: 'dark' });
  await pause(500);
  await picture(page, 'console-traffic-dark');
  await page.emulateMedia({ colorScheme: 'light' });
  await stage.admin('POST', `keys/${production?.id ?? ''}/rotate`, { overlap: '1h' });
  await go('#/keys');
  await picture(page, 'console-keys');
  await go(`#/keys/${report?.id ?? ''}`);
  await page.getByRole('button', { name: 'Revoke' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
  await page.getByText('No gate accepts this key').waitFor();
  await picture(page, 'console-revocation');
  await page.keyboard.press('Escape');
  for (const gate of stage.gates)
    await fetch(`${gate}/plexe/models`, { headers: { 'x-api-key': report?.key ?? '' } });
  await go('#/refusals?reason=revoked_key');
  await page
    .getByRole('link', { name: /^Explain/ })
    .last()
    .click();
  await pause(1_000);
  await picture(page, 'console-explain');
  await page.keyboard.press('Escape');
  await go('#/fleet');
  await picture(page, 'console-fleet');
  await go('#/what-if?seconds=300');
  await picture(page, 'console-what-if');
}

async function picture(page: Page, name: string): Promise<void> {
  const path = join(FOLDER, `${name}.png`);
  await page.screenshot({ path });
  const { size } = statSync(path);
  if (size > LARGEST_BYTES) throw new Error(`${path} has ${size} bytes`);
  process.stdout.write(`${path}: ${Math.round(size / 1000)} kB\n`);
}

await main();
