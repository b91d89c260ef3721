import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startMcpStage, type McpStage } from './mcp-stage.ts';
import { shippedConfig } from './shipped-stage.ts';

const AUTHORIZED = { Authorization: 'ApiKey {MT}' };
const SOON = { timeout: 1000 };

let stage: McpStage;

beforeEach(async () => {
  stage = await startMcpStage(shippedConfig('plexmcp'), '{MT}');
});
afterEach(() => stage.stop());

function arrived(calls: string) {
  return stage.upstream.arrivals.filter((arrival) => arrival.calls === calls);
}

describe('the official MCP SDK, client and server, through the gate', () => {
  it.each([AUTHORIZED, { 'X-API-Key': '{MT}' }, { Authorization: 'Bearer {MT}' }])(
    'opens a session, lists the tools and calls one with %o',
    async (headers) => {
      const { client, transport } = await stage.connect(headers);
      const { tools } = await client.listTools();
      expect(tools.map((tool) => tool.name)).toEqual(['add', 'count', 'wait']);
      const sum = await client.callTool({ name: 'add', arguments: { a: 20, b: 22 } });
      expect(sum.content).toEqual([{ type: 'text', text: '42' }]);
      expect([...stage.upstream.sessions.keys()]).toEqual([transport.sessionId]);
      const [call] = arrived('tools/call');
      expect(call?.headers).toMatchObject({
        'mcp-session-id': transport.sessionId,
        'mcp-protocol-version': '2025-11-25',
        accept: 'application/json, text/event-stream',
        'x-owner-id': 'org-t',
      });
      expect(call?.headers).not.toHaveProperty('authorization');
      expect(call?.headers).not.toHaveProperty('x-api-key');
    },
  );

  it('hears of progress step by step, each before the next is made', async () => {
    const { client } = await stage.connect(AUTHORIZED);
    const heard: number[] = [];
    const counted = client.callTool({ name: 'count', arguments: { to: 5 } }, undefined, {
      onprogress: ({ progress }) => heard.push(progress),
    });
    await vi.waitFor(() => expect(stage.upstream.runs.paces).toHaveLength(1), SOON);
    const [pace] = stage.upstream.runs.paces;
    for (let step = 1; step <= 5; step++) {
      pace?.step();
      await vi.waitFor(() => expect(heard).toHaveLength(step), SOON);
    }
    pace?.step();
    expect((await counted).content).toEqual([{ type: 'text', text: 'counted' }]);
    expect(heard).toEqual([1, 2, 3, 4, 5]);
  });

  it('resumes a stream that broke where it broke, by Last-Event-ID', async () => {
    const { client } = await stage.connect(AUTHORIZED);
    const heard: number[] = [];
    const ids: string[] = [];
    const counted = client.callTool({ name: 'count', arguments: { to: 2 } }, undefined, {
      onprogress: ({ progress }) => heard.push(progress),
      onresumptiontoken: (id) => ids.push(id),
    });
    await vi.waitFor(() => expect(stage.upstream.runs.paces).toHaveLength(1), SOON);
    const [pace] = stage.upstream.runs.paces;
    pace?.step();
    await vi.waitFor(() => expect(heard).toEqual([1]), SOON);
    const lastId = ids.at(-1);
    stage.upstream.cut();
    pace?.step();
    pace?.step();
    expect((await counted).content).toEqual([{ type: 'text', text: 'counted' }]);
    expect(heard).toEqual([1, 2]);
    const resumed = stage.upstream.arrivals.filter(({ headers }) => headers['last-event-id'] === lastId);
    expect(resumed.map(({ method }) => method)).toEqual(['GET']);
  });

  it('hears what the server says of its own accord, on the stream it opened with GET', async () => {
    const { client } = await stage.connect(AUTHORIZED);
    const heard = vi.fn<() => void>();
    client.setNotificationHandler(ToolListChangedNotificationSchema, heard);
    const isGet = ({ method }: { method: string }) => method === 'GET';
    await vi.waitFor(() => expect(stage.upstream.arrivals.filter(isGet)).toHaveLength(1), SOON);
    for (const server of stage.upstream.sessions.values()) server.sendToolListChanged();
    await vi.waitFor(() => expect(heard).toHaveBeenCalledOnce(), SOON);
  });

  it('ends its session with DELETE, and the server then knows it no more', async () => {
    const { transport } = await stage.connect(AUTHORIZED);
    const { sessionId } = transport;
    await transport.terminateSession();
    expect(stage.upstream.sessions.size).toBe(0);
    expect(stage.upstream.arrivals.at(-1)).toMatchObject({
      method: 'DELETE',
      headers: { 'mcp-session-id': sessionId },
    });
    const late = await stage.connect(AUTHORIZED, sessionId);
    await expect(late.client.listTools()).rejects.toMatchObject({ code: 404 });
  });

  it('gets every answer of a hundred calls at once to its own question', async () => {
    const { client } = await stage.connect(AUTHORIZED);
    const numbers = Array.from({ length: 100 }, (_, i) => i);
    const sums = await Promise.all(
      numbers.map((a) => client.callTool({ name: 'add', arguments: { a, b: 1000 } })),
    );
    expect(sums.map((sum) => sum.content)).toEqual(
      numbers.map((a) => [{ type: 'text', text: String(a + 1000) }]),
    );
    expect(arrived('tools/call')).toHaveLength(100);
  });

  it('cancels a call, and the tool hears of it', async () => {
    const { client } = await stage.connect(AUTHORIZED);
    const abort = new AbortController();
    const waiting = client.callTool({ name: 'wait' }, undefined, { signal: abort.signal });
    await vi.waitFor(() => expect(arrived('tools/call')).toHaveLength(1), SOON);
    abort.abort();
    await expect(waiting).rejects.toThrow(/abort/i);
    await vi.waitFor(() => expect(stage.upstream.runs.cancelled).toBe(1), SOON);
  });

  it('leaves in the middle of a call, and the server misses it within a second', async () => {
    const { client } = await stage.connect(AUTHORIZED);
    const waiting = client.callTool({ name: 'wait' }).catch((error: unknown) => error);
    await vi.waitFor(() => expect(arrived('tools/call')).toHaveLength(1), SOON);
    await client.close();
    await vi.waitFor(() => expect(arrived('tools/call').map(({ left }) => left)).toEqual([true]), SOON);
    expect(await waiting).toBeInstanceOf(Error);
  });
});
