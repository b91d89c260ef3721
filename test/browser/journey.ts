import type { Locator, Page } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { PASSWORD, signIn, signOut } from './operator.ts';
import type { Visit } from './visit.ts';

/** A request shows in the console within this. */
const SEEN_MS = 5_000;
const CONFIRM_FIRST = {
  status: 403,
  contentType: 'application/json',
  body: JSON.stringify({ status: 403, code: 'confirm', title: 'Forbidden', detail: 'Confirm first.' }),
};

function ask(gate: string, credential: string): Promise<Response> {
  return fetch(`${gate}/plexe/models`, { headers: { 'x-api-key': credential } });
}

/** Asks every gate at once; what a gate cannot know at the moment, on a machine that keeps it waiting, it is asked again. */
function statuses({ stage }: Visit, credential: string): Promise<number[]> {
  const knownStatus = async (gate: string): Promise<number> => {
    const { status } = await ask(gate, credential);
    return status === 503 ? knownStatus(gate) : status;
  };
  return Promise.all(stage.gates.map(knownStatus));
}

/** From the first sign-in to the last sign-out, with a key that is made, used, replaced and revoked on the way. */
export function journey(visit: () => Visit): void {
  describe('an operator', () => {
    let key = '';
    const page = (): Page => visit().ada.page;

    it('signs out, and in again with password and code', async () => {
      await signOut(visit().ada);
      await signIn(visit().ada);
      await page().getByRole('heading', { name: 'Keys' }).waitFor();
    });

    it('finds the link of the first visit used up', async () => {
      const other = await visit().browser.newPage();
      await other.goto(visit().stage.link);
      await other.getByText('Ask an admin for a new link').waitFor();
      await other.close();
    });

    it('creates a key, which is shown once with a line to try it', async () => {
      await page().getByRole('button', { name: 'Create key' }).click();
      const dialog = page().getByRole('dialog');
      await dialog.getByLabel('Name').fill('Payments');
      await dialog.getByLabel('Owner').fill('acme');
      await dialog.getByLabel('Profile').selectOption('plexe');
      await dialog.getByLabel('Tier').selectOption('basic');
      await dialog.getByLabel('Permission').selectOption('read_write');
      await dialog.getByRole('button', { name: 'Create key' }).click();
      key = await dialog.getByLabel('Key of Payments').inputValue();
      expect(key).toMatch(/^plx_sk_[0-9A-Za-z]{42}$/);
      const curl = await dialog.getByLabel('Try it').inputValue();
      expect(curl).toBe(`curl -H 'Authorization: Bearer ${key}' ${visit().stage.gates[0]}/plexe`);
      await dialog.getByRole('button', { name: 'I have the key' }).click();
      await page().getByRole('link', { name: 'Payments' }).waitFor();
      expect(await page().content()).not.toContain(key);
    });

    it('sees a request with the key within five seconds', async () => {
      await page().getByRole('link', { name: 'Payments' }).click();
      const fact = (name: string): Locator => page().locator(`dt:text-is("${name}") + dd`);
      await fact('Last used').filter({ hasText: 'not yet' }).waitFor();
      expect(await statuses(visit(), key)).toEqual([200, 200]);
      await fact('Requests')
        .filter({ hasText: /^[2-9]$/ })
        .waitFor({ timeout: SEEN_MS });
    });

    it('rotates the key, having shown once more who they are, and sees the old one count down', async () => {
      // As minutes after the sign-in.
      await page().route('**/rotate', (route) => route.fulfill(CONFIRM_FIRST), { times: 1 });
      await page().getByRole('button', { name: 'Rotate' }).click();
      await page().getByLabel('How long the old key goes on').selectOption('5m');
      await page().getByRole('dialog').getByRole('button', { name: 'Rotate' }).click();
      const confirm = page().getByRole('dialog', { name: 'Confirm that it is you' });
      await confirm.getByRole('button', { name: 'Use the password' }).click();
      await confirm.getByLabel('Password').fill(PASSWORD);
      await confirm.getByRole('button', { name: 'Confirm', exact: true }).click();
      const dialog = page().getByRole('dialog', { name: 'The new key' });
      const next = await dialog.getByLabel('Key of Payments').inputValue();
      expect(next).not.toBe(key);
      expect(await statuses(visit(), next)).toEqual([200, 200]);
      expect(await statuses(visit(), key)).toEqual([200, 200]);
      await dialog.getByRole('button', { name: 'I have the key' }).click();
      const timer = page().getByRole('timer').first();
      const before = await timer.textContent();
      expect(before).toMatch(/^ends in (?:4 min \d+ s|4 min|5 min)$/);
      await expect.poll(() => timer.textContent(), { timeout: SEEN_MS }).not.toBe(before);
    });

    it('revokes the old key and sees every gate confirm', async () => {
      await page().getByRole('button', { name: 'Revoke' }).click();
      const dialog = page().getByRole('dialog');
      await dialog.getByRole('button', { name: 'Revoke' }).click();
      await dialog.getByText('2/2 sidecars').waitFor();
      await dialog.getByText('No gate accepts this key').waitFor();
      expect(await statuses(visit(), key)).toEqual([401, 401]);
      await dialog.getByRole('button', { name: 'Close' }).last().click();
      await page().locator('main').getByText('revoked', { exact: true }).waitFor();
    });

    it('sees the refusal and has it explained', async () => {
      await page().getByRole('link', { name: 'Refusals', exact: true }).click();
      await page().getByLabel('Reason').selectOption('revoked_key');
      const explain = page()
        .getByRole('link', { name: /^Explain/ })
        .first();
      await explain.click({ timeout: SEEN_MS });
      const dialog = page().getByRole('dialog');
      await dialog.getByText('revoked_key').waitFor();
      await dialog.getByRole('link', { name: 'Payments' }).waitFor();
      await dialog.getByText('/plexe/models').first().waitFor();
      await page().keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
    });

    it('sees both gates of the fleet at work', async () => {
      await page().getByRole('link', { name: 'Fleet' }).click();
      const rows = page()
        .getByRole('region', { name: /^Gates/ })
        .locator('tbody tr')
        .filter({ hasText: 'serving' });
      await expect.poll(() => rows.count(), { timeout: SEEN_MS }).toBe(2);
    });

    it('signs in again where the session has ended, and is where they were', async () => {
      const elsewhere = await visit().browser.newContext({
        storageState: await page().context().storageState(),
      });
      const other = await elsewhere.newPage();
      await other.goto(visit().stage.page);
      await signOut({ ...visit().ada, page: other });
      await elsewhere.close();
      const dialog = page().getByRole('dialog', { name: 'Your session has ended' });
      await dialog.waitFor();
      await signIn(visit().ada);
      await dialog.waitFor({ state: 'detached' });
      await page().getByRole('heading', { name: 'Fleet' }).waitFor();
    });
  });
}
