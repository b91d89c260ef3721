import { afterEach, describe, expect, inject, it } from 'vitest';
import { valuesOf } from '../support/http-message.ts';
import type { Stage } from '../support/stage.ts';
import { OK } from '../support/upstream.ts';
import { runProgram, type ProgramRun } from './run-program.ts';
import { documented, startShippedStage } from './shipped-stage.ts';

/** The commands are the documents'; only the example keys in them have become YOUR_API_KEY. */
interface Command {
  readonly file: string;
  readonly config: string;
  readonly baseUrl: string;
  readonly key: string;
  readonly arrives: string;
  readonly json?: unknown;
}

const WEATHER = { mcp_id: 'mcp_123', tool: 'get_weather', arguments: { location: 'San Francisco' } };

const COMMANDS: Readonly<Record<string, Command>> = {
  "Plexe's authentication overview, 'API Keys'": {
    file: 'curl/plexe-authentication.sh',
    config: 'plexe',
    baseUrl: 'https://api.plexe.ai',
    key: '{RW}',
    arrives: 'GET /models',
  },
  "Plextera's authentication page, 'API key header'": {
    file: 'curl/plextera-authentication.sh',
    config: 'plextera',
    baseUrl: 'https://api.plextera.com',
    key: '{T1}',
    arrives: 'GET /api/public/v1/files',
  },
  "PlexMCP's API overview, 'Authentication' and 'List MCPs'": {
    file: 'curl/plexmcp-list-mcps.sh',
    config: 'plexmcp',
    baseUrl: 'https://api.plexmcp.com',
    key: '{M1}',
    arrives: 'GET /v1/mcps',
  },
  "PlexMCP's API overview, 'Body'": {
    file: 'curl/plexmcp-body.sh',
    config: 'plexmcp',
    baseUrl: 'https://api.plexmcp.com',
    key: '{M1}',
    arrives: 'POST /mcp',
    json: WEATHER,
  },
  "PlexMCP's API overview, 'Invoke a tool'": {
    file: 'curl/plexmcp-invoke-tool.sh',
    config: 'plexmcp',
    baseUrl: 'https://api.plexmcp.com',
    key: '{M1}',
    arrives: 'POST /mcp',
    json: WEATHER,
  },
};

let stage: Stage;

afterEach(() => stage.stop());

/** By the shell, so that the quotes and backslashes of the document count; curl's own messages are kept out. */
function run({ file, baseUrl }: Command, key: string): Promise<ProgramRun> {
  const command = documented(file, baseUrl, stage.gate.port)
    .replaceAll('YOUR_API_KEY', key)
    .replace(/^curl /m, `${inject('curl')} --silent --show-error --write-out ' %{http_code}' `);
  return runProgram('sh', ['-c', command]);
}

describe.each(Object.entries(COMMANDS))('the curl command of %s', (_, command) => {
  it("gets the upstream's answer with a valid key", async () => {
    stage = await startShippedStage(command.config, command.key);
    const key = stage.fixtures.fill(command.key);
    expect(await run(command, key)).toEqual({ status: 0, stdout: `${OK.body} 200`, stderr: '' });
    expect(stage.upstream.requests).toHaveLength(1);
    for (const request of stage.upstream.requests) {
      expect(`${request.method} ${request.target}`).toBe(command.arrives);
      expect(request.bytes.toString('latin1')).not.toContain(key);
      if (command.json === undefined) continue;
      expect(valuesOf(request, 'content-type')).toEqual(['application/json']);
      expect(JSON.parse(request.body.toString())).toEqual(command.json);
    }
  });

  it('gets 401 with the key of the document, which nobody has', async () => {
    stage = await startShippedStage(command.config, command.key);
    const { status, stdout } = await run(command, 'YOUR_API_KEY');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^\{.*"error":\{.*\} 401$/);
    expect(stage.upstream.requests).toEqual([]);
  });
});
