import {
  JSONRPCErrorResponseSchema,
  JSONRPCResultResponseSchema,
  ListToolsResultSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { afterEach, describe, expect, it } from 'vitest';
import { refusalOf, startMcpStage, type McpStage } from './mcp-stage.ts';
import { shippedConfig } from './shipped-stage.ts';

let stage: McpStage;

afterEach(() => stage.stop());

async function start(keys: string): Promise<void> {
  stage = await startMcpStage(shippedConfig('plexmcp'), keys);
}

const ADD = { name: 'add', arguments: { a: 1, b: 1 } };

describe("a refusal reaches users of the MCP SDK as its error, with a JSON-RPC error that the SDK's schema reads:", () => {
  it.each([
    ['{UNK}', 'unauthorized'],
    ['{MR}', 'revoked_key'],
    ['{MX}', 'expired_key'],
  ])('401 where a session is opened with %s', async (key, code) => {
    await start(key);
    const asked = stage.connect({ Authorization: `ApiKey ${key}` });
    expect(await refusalOf(asked)).toEqual({ status: 401, code });
    expect(stage.upstream.arrivals).toEqual([]);
  });

  it('401 in an open session from the moment its key is revoked', async () => {
    await start('{MT}');
    const { client } = await stage.connect({ Authorization: 'ApiKey {MT}' });
    await stage.fixtures.revoke('MT');
    expect(await refusalOf(client.callTool(ADD))).toEqual({ status: 401, code: 'revoked_key' });
  });

  it('403 for a read-only key, because a POST may write', async () => {
    await start('{MRO}');
    const asked = stage.connect({ Authorization: 'ApiKey {MRO}' });
    expect(await refusalOf(asked)).toEqual({ status: 403, code: 'forbidden' });
    expect(stage.upstream.arrivals).toEqual([]);
  });

  it('403 for an MCP server that the key may not reach', async () => {
    await start('{MS}');
    const headers = (mcp: string) => ({ Authorization: 'ApiKey {MS}', 'Mcp-Name': `${mcp}:add` });
    const { client } = await stage.connect(headers('mcp_123'));
    expect((await client.callTool(ADD)).content).toEqual([{ type: 'text', text: '2' }]);
    expect(await refusalOf(stage.connect(headers('mcp_456')))).toEqual({
      status: 403,
      code: 'mcp_not_permitted',
    });
  });

  it('429 over the limit, and no more once the limit has room again', async () => {
    await start('{MK}');
    const { client } = await stage.connect({ Authorization: 'ApiKey {MK}' });
    const calls = await Promise.allSettled(Array.from({ length: 6 }, () => client.callTool(ADD)));
    const refused = calls.filter((call) => call.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const { reason } of refused) {
      expect(await refusalOf(Promise.reject(reason as Error))).toEqual({ status: 429, code: 'rate_limited' });
    }
    stage.gate.advance(60_000);
    expect((await client.callTool(ADD)).content).toEqual([{ type: 'text', text: '2' }]);
  });
});

/** The shipped file has this rule as a comment; here it is on. */
function configByMcpMethod(): string {
  const shipped = shippedConfig('plexmcp');
  const opened = shipped.replace(
    '# - { path: /mcp, access: by-mcp-method',
    '- { path: /mcp, access: by-mcp-method',
  );
  if (opened === shipped) throw new Error('config/plexmcp.yaml has no rule by Mcp-Method');
  return opened;
}

interface Message {
  readonly says: string;
  readonly does: string;
  readonly version?: string;
}

describe('by Mcp-Method, which the SDK does not send yet, a read-only key', () => {
  /** As a client of the revision without sessions writes it. */
  async function send(key: string, { says, does, version = '2026-07-28' }: Message) {
    stage = await startMcpStage(configByMcpMethod(), key);
    const response = await fetch(stage.url, {
      method: 'POST',
      headers: {
        Authorization: stage.fixtures.fill(`ApiKey ${key}`),
        'Content-Type': 'application/json',
        Accept: 'application/json, text/event-stream',
        'MCP-Protocol-Version': version,
        'Mcp-Method': says,
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: does, params: does === 'tools/call' ? ADD : {} }),
    });
    const text = await response.text();
    return {
      status: response.status,
      message: JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? text) as unknown,
    };
  }

  it('may list the tools', async () => {
    const { status, message } = await send('{MRO}', { says: 'tools/list', does: 'tools/list' });
    expect(status).toBe(200);
    const { tools } = ListToolsResultSchema.parse(JSONRPCResultResponseSchema.parse(message).result);
    expect(tools.map((tool) => tool.name)).toEqual(['add', 'count', 'wait']);
  });

  it('may not call one, as another key may', async () => {
    const refused = await send('{MRO}', { says: 'tools/call', does: 'tools/call' });
    expect(refused.status).toBe(403);
    expect(JSONRPCErrorResponseSchema.parse(refused.message).error.data).toMatchObject({ code: 'forbidden' });
    expect(stage.upstream.arrivals).toEqual([]);
    await stage.stop();
    expect((await send('{M1}', { says: 'tools/call', does: 'tools/call' })).status).toBe(200);
  });

  it('may not list them where the version does not oblige the server to compare header and body', async () => {
    const message = { says: 'tools/list', does: 'tools/list', version: '2025-11-25' };
    expect((await send('{MRO}', message)).status).toBe(403);
  });

  it('gains nothing by a header that says other than the body, because the server compares them', async () => {
    expect((await send('{MRO}', { says: 'tools/list', does: 'tools/call' })).status).toBe(400);
  });
});
