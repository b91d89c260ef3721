import { REASONS, codeOf, type Reason } from '../src/core/reasons.ts';

/** docs/errors.md, made from the table of reasons. */
export function errorsPage(): string {
  const reasons = Object.keys(REASONS) as Reason[];
  const rows = reasons.map((reason) => {
    const { status, plexe, plextera, retryable } = REASONS[reason];
    const onMcp = codeOf(reason, 'plexmcp', true);
    const off = codeOf(reason, 'plexmcp', false);
    const plexmcp = onMcp === off ? code(off) : `${code(off)}, on \`/mcp\` ${code(onMcp)}`;
    return `| [${reason}](#${reason}) | ${status} | ${code(plexe)} | ${code(plextera)}, ${retryable} | ${plexmcp} |`;
  });
  const sections = reasons.map(
    (reason) => `### ${reason}\n\n${REASONS[reason].status}. ${REASONS[reason].meaning}\n`,
  );
  return `# Refusals

Made from \`src/core/reasons.ts\` by \`npm run docs\`; do not edit.

Every refusal of the gate has one reason. Log (\`reason\`), metric (\`plexgate_auth_decisions_total\`) and the
\`standard\` body (\`reason\`) use the word of the first column. What a client reads depends on the profile of the
route. \`standard\` uses Plexe's codes in an RFC 9457 problem.

Every refusal carries \`X-Request-Id\` and \`Cache-Control: no-store\`, a 401 \`WWW-Authenticate\`, a 429 and a 503
\`Retry-After\`, a 405 \`Allow\`. What cannot be read as HTTP is a bare 400, 408 or 431, and the connection ends.

On \`/mcp\` of a \`plexmcp\` route a caller that speaks JSON-RPC (it sends \`MCP-Protocol-Version\` or \`Mcp-Method\`, or
accepts \`text/event-stream\`) gets the same status with a JSON-RPC error whose code is -31000 less the status, and
the envelope's error as its \`data\`.

| reason | status | plexe, standard | plextera, retryable | plexmcp |
|---|---|---|---|---|
${rows.join('\n')}

## What they mean

${sections.join('\n')}`;
}

function code(text: string): string {
  return `\`${text}\``;
}
