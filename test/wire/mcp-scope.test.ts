import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { exchange, type RawAnswer } from '../support/raw-client.ts';
import { startStage, type Stage } from '../support/stage.ts';

const CONFIG = `
keyService: {}
proxy:
  tiers: { plexmcp: { free: unlimited } }
  routes:
    - match: { path: /mcp-api }
      stripPath: true
      profile: plexmcp
      upstream: '{upstream}'
`;

let stage: Stage;
let arrivedBefore = 0;

beforeAll(async () => {
  stage = await startStage({ config: CONFIG, fixtures: '{MS}' });
});
afterAll(() => stage.stop());
beforeEach(() => {
  arrivedBefore = stage.upstream.requests.length;
});

function arrived() {
  return stage.upstream.requests.slice(arrivedBefore);
}

function send(text: string): Promise<RawAnswer> {
  return exchange(stage.gate.port, Buffer.from(stage.fixtures.fill(text), 'latin1'));
}

describe('an MCP server outside the list of the key stays out of reach', () => {
  const FORBIDDEN = {
    'by its path': { target: '/mcp-api/v1/mcps/mcp_456' },
    'by a path with a doubled slash': { target: '/mcp-api/v1//mcps/mcp_456' },
    'by a path with a doubled slash before its id': { target: '/mcp-api/v1/mcps//mcp_456' },
    'by a path with an encoded letter': { target: '/mcp-api/v1/%6dcps/mcp_456' },
    'by an encoded id': { target: '/mcp-api/v1/mcps/mcp%5f456' },
    'by an encoded slash': { target: '/mcp-api/v1/mcps%2fmcp_456' },
    'by its name': { target: '/mcp-api/mcp', lines: 'Mcp-Name: mcp_456:tool\r\n' },
    'by the second of two names': {
      target: '/mcp-api/mcp',
      lines: 'Mcp-Name: mcp_123:tool\r\nMcp-Name: mcp_456:tool\r\n',
    },
    'by a path with a parameter': { target: '/mcp-api/v1/mcps;v=1/mcp_456' },
    'by an id with a parameter': { target: '/mcp-api/v1/mcps/mcp_456;v=1' },
    'by a name beside an allowed path': {
      target: '/mcp-api/v1/mcps/mcp_123',
      lines: 'Mcp-Name: mcp_456:tool\r\n',
    },
  };

  it.each(Object.entries(FORBIDDEN))('%s', async (_, request: { target: string; lines?: string }) => {
    const answer = await send(
      `GET ${request.target} HTTP/1.1\r\nHost: gate.test\r\nAuthorization: ApiKey {MS}\r\n${request.lines ?? ''}Connection: close\r\n\r\n`,
    );
    expect([400, 403]).toContain(answer.status);
    expect(arrived()).toEqual([]);
  });

  it.each(['Mcp_Name', 'MCP.NAME', 'mcp_method', 'Mcp_Protocol-Version'])(
    'by %s, which a CGI-like upstream would take for the header itself',
    async (spelling) => {
      const answer = await send(
        `POST /mcp-api/mcp HTTP/1.1\r\nHost: gate.test\r\nAuthorization: ApiKey {MS}\r\n${spelling}: mcp_456:tool\r\nConnection: close\r\n\r\n`,
      );
      expect(answer.status).toBe(200);
      expect(arrived()[0]?.bytes.toString()).not.toContain('mcp_456');
    },
  );
});
