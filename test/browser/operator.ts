import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { Authenticator } from './authenticator.ts';

export const PASSWORD = ['correct', 'horse', 'battery', 'staple', 'gate'].join(' ');

/** For what must come, on a machine with much else to do. */
const PATIENCE_MS = 60_000;

/** Without a sandbox where the tests run as root, in which Chromium has none. */
export function launch(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });
}

/** A person before a screen, whose console complained of nothing. */
export interface Operator {
  readonly page: Page;
  readonly authenticator: Authenticator;
  readonly email: string;
  /** What the browser objected to: errors of scripts, and what the policy of the page forbade. */
  readonly complaints: readonly string[];
  /** Every address that the browser asked. */
  readonly asked: readonly string[];
}

/** Opens the one-time link, chooses a password and enters the first code. */
export async function enrol(
  browser: Browser,
  link: string,
  email: string,
  options: BrowserContextOptions = {},
): Promise<Operator> {
  const context = await browser.newContext({ timezoneId: 'UTC', locale: 'en-GB', ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const complaints: string[] = [];
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes('Failed to load resource'))
      complaints.push(message.text());
  });
  await page.goto(link);
  const secret = await page.getByLabel('Secret for your authenticator').inputValue();
  const authenticator = new Authenticator(secret);
  if (await page.getByLabel('Email').isEditable()) await page.getByLabel('Email').fill(email);
  await page.getByLabel('New password').fill(PASSWORD);
  await page.getByLabel('Code of your authenticator').fill(await authenticator.next());
  await page.getByRole('button', { name: 'Set password and sign in' }).click();
  await page.getByRole('heading', { name: 'Keys' }).waitFor();
  return { page, authenticator, email, complaints, asked };
}

export async function signIn({ page, authenticator, email }: Operator): Promise<void> {
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByLabel('Code of your authenticator').fill(await authenticator.next());
  await page.getByRole('button', { name: 'Sign in' }).click();
}

export async function signOut({ page }: Operator): Promise<void> {
  await page.getByRole('button', { name: 'Account' }).click();
  await page.getByRole('button', { name: 'Sign out', exact: true }).click();
  await page.getByText('You are signed out.').waitFor();
}

const AXE = readFileSync(join(import.meta.dirname, '../../node_modules/axe-core/axe.min.js'), 'utf8');

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string }[];
}

/** What axe finds on the page as it stands, in one line each; what is of minor importance is left out. */
export async function seriousIssues(page: Page, what: 'all' | 'colours'): Promise<string[]> {
  await page.evaluate(AXE);
  const rules = what === 'colours' ? "{ runOnly: ['color-contrast'] }" : '{}';
  const violations = await page.evaluate<readonly Violation[]>(
    `axe.run(document, ${rules}).then(({ violations }) => violations)`,
  );
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}
