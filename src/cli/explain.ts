import type { Command } from 'commander';
import { maskKeys } from '../core/secret.ts';
import { callAdmin, type AdminAccess } from './admin-client.ts';
import { oneMore, segmentOf, type Surroundings } from './admin-command.ts';
import { findWitnesses, type ExplainOptions, type Witnesses } from './explain-access.ts';
import { auditText, decisionText } from './explanation-text.ts';
import { jsonOf, type Json } from './table.ts';
import { BAD_USAGE, FAILED, OK, printable, type ExitCode, type Terminal } from './terminal.ts';

/** `plexgate explain REQUEST_ID` */
export function addExplainCommand(program: Command, { terminal, finish }: Surroundings): void {
  const command: Command = program
    .command('explain <request-id>')
    .description('tell why a request was refused; exits with 1 where nobody asked knows of it')
    .option('--gate <url>', 'admin port of a gate that may have seen it; may be given again', oneMore)
    .option('--gate-token-file <file>', 'file with the token of those ports, off loopback')
    .option(
      '--config <file>',
      'the YAML file: where the admin port and the key service are, and their tokens',
    )
    .option('--url <url>', 'where the key service is, for its audit')
    .option('--token-file <file>', 'file with the admin token of the key service')
    .option('--json', 'print what was answered as JSON and nothing else');
  command.action(async (requestId: string) => {
    const options = command.opts<ExplainOptions & { json?: boolean }>();
    const segment = segmentOf(
      requestId,
      command,
      'the id of a request is wanted, which its answer has as X-Request-Id',
    );
    const found = findWitnesses(options);
    if (found.kind === 'bad_usage') command.error(`error: ${found.why}`, { exitCode: BAD_USAGE });
    if (found.kind === 'failed') {
      terminal.err(`plexgate: ${found.why}\n`);
      finish(FAILED);
    } else finish(await explain(segment, found.witnesses, { terminal, json: options.json === true }));
  });
}

/** Each gate remembers its own latest requests; the audit has refused authentications of all gates, for months. */
async function explain(
  segment: string,
  { gates, keyService }: Witnesses,
  { terminal, json }: { readonly terminal: Terminal; readonly json: boolean },
): Promise<ExitCode> {
  const decisions: Json[] = [];
  for (const gate of gates) {
    decisions.push(...(await listed(gate, `/decisions/${segment}`, 'decisions', terminal)));
  }
  const audit =
    decisions.length > 0 || keyService === null
      ? []
      : await listed(keyService, `/admin/v1/audit?request_id=${segment}`, 'audit', terminal);
  if (json) {
    const body = { request_id: decodeURIComponent(segment), decisions, audit };
    terminal.out(`${JSON.stringify(body, null, 2)}\n`);
  } else terminal.out([...decisions.map(decisionText), ...audit.map(auditText)].join('\n'));
  if (decisions.length + audit.length > 0) return OK;
  const asked = `${gates.length} ${gates.length === 1 ? 'gate' : 'gates'}`;
  terminal.err(
    `plexgate: nobody remembers this request: asked ${asked}, ${keyService === null ? 'and no' : 'and the'} key service\n`,
  );
  return FAILED;
}

/** The entries of that field; none where it is 404. Of anything else it is said what came back. */
async function listed(access: AdminAccess, path: string, field: string, terminal: Terminal): Promise<Json[]> {
  const answer = await callAdmin(access, { method: 'GET', path });
  if (answer.kind === 'answer' && answer.status === 200) {
    const entries = jsonOf(answer.body)[field];
    if (Array.isArray(entries)) return entries.map(jsonOf);
  }
  if (answer.kind === 'answer' && answer.status === 404) return [];
  const why =
    answer.kind === 'no_answer' ? answer.why : `${answer.status} ${printable(answer.statusText)}`.trim();
  terminal.err(`plexgate: GET ${maskKeys(access.url + path)}: ${why}\n`);
  return [];
}
