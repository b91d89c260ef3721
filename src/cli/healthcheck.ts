import { InvalidArgumentError, type Command } from 'commander';
import type { Surroundings } from './admin-command.ts';
import { whyNoAnswer } from './no-answer.ts';
import { FAILED, OK } from './terminal.ts';

const LIVEZ_URL = 'http://127.0.0.1:9090/livez';
/** Below the timeout of the image's HEALTHCHECK, so that it ends with a reason. */
const DEADLINE_MS = 2_000;

/**
 * Asks a running process how it is: for images without a shell and without curl. Ends with 0 where the answer is 2xx,
 * silently, and with 1 and one line of why where it is not.
 */
export function addHealthcheckCommand(parent: Command, { terminal, finish }: Surroundings): void {
  parent
    .command('healthcheck')
    .description('ask a running process whether it is well; exit 1 where it is not')
    .option('--url <url>', 'what to ask', readUrl, LIVEZ_URL)
    .action(async ({ url }: { url: string }) => {
      const ill = await illnessOf(url);
      if (ill !== null) terminal.err(`plexgate: GET ${url}: ${ill}\n`);
      finish(ill === null ? OK : FAILED);
    });
}

function readUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.username + url.password !== '') {
    throw new InvalidArgumentError('An http or https URL without credentials is wanted.');
  }
  return url.href;
}

/** Null: it is well. */
async function illnessOf(url: string): Promise<string | null> {
  try {
    const signal = AbortSignal.timeout(DEADLINE_MS);
    const answer = await fetch(url, { redirect: 'manual', signal });
    // The body too has to come within the deadline; what it says is for people who ask themselves.
    await answer.arrayBuffer();
    return answer.ok ? null : `it answered ${answer.status}`;
  } catch (error) {
    return whyNoAnswer(error, DEADLINE_MS);
  }
}
