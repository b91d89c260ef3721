import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { shipment } from '../../scripts/shipped-packages.ts';
import { ROOT } from '../commands/program.ts';
import { seriousIssues, signOut } from './operator.ts';
import type { Visit } from './visit.ts';

const BUNDLE = join(ROOT, 'dist/console');
const FIRST_LOAD_BYTES = 80_000;
/** What must be shown as it is typed. */
const SCRIPT = '<img src=x onerror="alert(1)">';
/** Of a request that is looked for. */
const MARK = 'struck-path';
const PHONE = { width: 375, height: 740 };
const DESK = { width: 1280, height: 800 };

interface View {
  readonly title: string;
  readonly open: (page: Page) => Promise<void>;
}

/** Goes to a place of the page, and waits for what shows that its answers have come. */
function at(title: string, place: string, seen: string): View {
  return {
    title,
    open: async (page) => {
      await page.evaluate(`location.hash = ${JSON.stringify(place)}`);
      await page.getByText(seen).first().waitFor();
    },
  };
}

function views(keyId: string, requestId: string): View[] {
  const keys = at('the keys', '#/keys', SCRIPT);
  const pressed = (title: string, button: string, on: View): View => ({
    title,
    open: async (page) => {
      await on.open(page);
      await page.getByRole('button', { name: button, exact: true }).click();
      await page.getByRole('dialog').waitFor();
    },
  });
  const key = at('a key', `#/keys/${keyId}`, keyId);
  return [
    keys,
    at('a search that finds nothing', '#/keys?search=nothing-like-this', 'No key is like that'),
    pressed('a new key', 'Create key', keys),
    key,
    pressed('a rotation', 'Rotate', key),
    pressed('a revocation', 'Revoke', key),
    at('the traffic', '#/traffic', 'Added latency'),
    at('the refusals', '#/refusals', MARK),
    at('an explanation', `#/refusals/${requestId}`, SCRIPT),
    at('the fleet', '#/fleet', 'serving'),
    at('what if', '#/what-if', 'shadow'),
    at('the operators', '#/operators', 'Last sign-in'),
    pressed('a new operator', 'Add operator', at('the operators', '#/operators', 'Last sign-in')),
    pressed('the account', 'Account', keys),
  ];
}

/** What one view was like. */
interface Look {
  readonly title: string;
  readonly issues: readonly string[];
  /** Elements that no page of ours has: somebody has typed them. */
  readonly typed: number;
  readonly widthOnPhone: number;
}

async function lookAt({ title, open }: View, page: Page): Promise<Look> {
  await open(page);
  const issues = await seriousIssues(page, 'all');
  await page.emulateMedia({ colorScheme: 'dark' });
  issues.push(...(await seriousIssues(page, 'colours')).map((issue) => `dark: ${issue}`));
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(PHONE);
  const widthOnPhone = await page.evaluate<number>('document.documentElement.scrollWidth');
  await page.setViewportSize(DESK);
  const typed = await page.locator('img, main b, dialog b').count();
  await closeDialog(page);
  return { title, issues, typed, widthOnPhone };
}

export function pages(visit: () => Visit): void {
  describe('every page', () => {
    const looks: Look[] = [];
    const page = (): Page => visit().ada.page;

    beforeAll(async () => {
      const { stage } = visit();
      await stage.admin('PUT', 'owners/struck', { profile: 'plexe', tier: 'basic' });
      const draft = { owner: 'struck', name: SCRIPT, profile: 'plexe', permission: 'read_only' };
      const { key_id: keyId } = await stage.admin('POST', 'keys', draft);
      // By the gate that the key service does not ask: what is known of it is what the client said.
      const refused = await fetch(`${stage.gates[1]}/plexe/${MARK}`, { headers: { 'user-agent': SCRIPT } });
      const requestId = refused.headers.get('x-request-id') ?? '';
      for (const view of views(String(keyId), requestId)) looks.push(await lookAt(view, page()));
    });

    it('has no serious issue for axe, in light and in dark', () => {
      expect(looks.flatMap(({ title, issues }) => issues.map((issue) => `${title}: ${issue}`))).toEqual([]);
    });

    it('shows what somebody has typed as text', () => {
      expect(looks.filter(({ typed }) => typed > 0)).toEqual([]);
    });

    it('is as wide as the screen, also of a phone', () => {
      expect(looks.filter(({ widthOnPhone }) => widthOnPhone > PHONE.width)).toEqual([]);
    });

    it('takes its search by a slash, and no letter of one that is typed into a field', async () => {
      await page().evaluate("location.hash = '#/keys'");
      await page().getByRole('heading', { name: 'Keys' }).waitFor();
      await page().locator('main').focus();
      await page().keyboard.press('/');
      await page().keyboard.type('a/b');
      expect(await page().getByLabel('Search').inputValue()).toBe('a/b');
      await page().getByLabel('Search').fill('');
    });

    it('loads at most 80 kB at first, packed', () => {
      const index = readFileSync(join(BUNDLE, 'index.html'), 'utf8');
      const parts = Array.from(index.matchAll(/(?:src|href)="\/console\/([^"]+)"/g), ([, path = '']) => path);
      expect(parts.length).toBeGreaterThan(2);
      const sizes = ['index.html', ...parts].map((path) => gzipSync(readFileSync(join(BUNDLE, path))).length);
      expect(sizes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(FIRST_LOAD_BYTES);
    });

    it('brings the licences of what it is made of', () => {
      const licences = readFileSync(join(BUNDLE, 'licenses.txt'), 'utf8');
      const named = Array.from(
        licences.matchAll(/^## (\S+) - (\S+)/gm),
        ([, name, version]) => `${name} ${version}`,
      );
      expect(named.sort()).toEqual(
        shipment()
          .builtIn.map(({ name, version }) => `${name} ${version}`)
          .sort(),
      );
    });

    it('asks nobody but the key service, and is refused nothing by its own policy', () => {
      const { ada, stage } = visit();
      expect(ada.asked.filter((url) => !url.startsWith(stage.page) && !url.startsWith('data:'))).toEqual([]);
      expect(ada.complaints).toEqual([]);
    });

    it('is gone after the sign-out', async () => {
      await signOut(visit().ada);
      await page().goto(`${visit().stage.page}#/keys`);
      await page().reload();
      await page().getByRole('heading', { name: 'Sign in' }).waitFor();
      expect(await page().content()).not.toContain('Payments');
      expect(await seriousIssues(page(), 'all')).toEqual([]);
    });
  });
}

async function closeDialog(page: Page): Promise<void> {
  const dialog = page.getByRole('dialog');
  if ((await dialog.count()) === 0) return;
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'detached' });
}
