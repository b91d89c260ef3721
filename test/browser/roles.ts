import { describe, expect, it } from 'vitest';
import { enrol, seriousIssues } from './operator.ts';
import type { Visit } from './visit.ts';

/** Who is let in beside the first operator, and what they are not offered. */
export function roles(visit: () => Visit): void {
  describe('somebody else', () => {
    let link = '';

    it('is let in by an admin, with a link that is shown once', async () => {
      const { ada } = visit();
      await ada.page.getByRole('link', { name: 'Operators' }).click();
      await ada.page.getByRole('button', { name: 'Add operator' }).click();
      const dialog = ada.page.getByRole('dialog');
      await dialog.getByLabel('Email').fill('grace@example.com');
      await dialog.getByLabel('Role').selectOption('viewer');
      await dialog.getByRole('button', { name: 'Add operator' }).click();
      link = await dialog.getByLabel('One-time link').inputValue();
      await dialog.getByRole('button', { name: 'I have the link' }).click();
      await ada.page.getByText('link not used yet').waitFor();
    });

    it('meets a first page without a serious issue for axe', async () => {
      const page = await visit().browser.newPage({ colorScheme: 'dark' });
      await page.goto(link);
      await page.getByRole('img', { name: /^QR code/ }).waitFor();
      expect(await seriousIssues(page, 'all')).toEqual([]);
      await page.close();
    });

    it('looks, and is offered nothing to change, as a viewer', async () => {
      const { page } = await enrol(visit().browser, link, 'grace@example.com');
      await page.getByRole('link', { name: 'Payments' }).first().click();
      await page.getByText('Key id').waitFor();
      for (const name of ['Create key', 'Rotate', 'Revoke']) {
        expect(await page.getByRole('button', { name }).count()).toBe(0);
      }
      expect(await page.getByRole('link', { name: 'Operators' }).count()).toBe(0);
      await page.context().close();
    });
  });
}
