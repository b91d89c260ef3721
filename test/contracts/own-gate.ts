import { createEchoServer } from '../../src/demo/echo.ts';
import { KeyServiceClient } from '../../src/proxy/keys/service-client.ts';
import { startProxy } from '../../src/proxy/start.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { closeServer, listen } from '../../src/runtime/listen.ts';
import { createLog } from '../../src/runtime/log.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import type { Secret } from '../../src/core/secret.ts';
import type { Tracing } from '../../src/runtime/tracing/tracing.ts';
import { proxyConfigOf } from '../support/proxy-config.ts';
import type { ServedKeyService } from './key-service.stage.ts';

/** A gate before an echo, with a key service of somebody's own. */
export interface OwnGate {
  /** The status of a request with this key. */
  status(key: Secret, method?: string, requestId?: string): Promise<number>;
  /** The log so far, a JSON text each. */
  readonly logLines: readonly string[];
  /** The text of a scrape. */
  scrape(): Promise<string>;
  /** What it remembers of the requests with this id. */
  decisions(requestId: string): readonly object[];
  member(): ReturnType<Awaited<ReturnType<typeof startProxy>>['member']>;
  stop(): Promise<void>;
}

const CONFIG = `
proxy:
  keys: { service: { url: "\${ORIGIN}", token: "\${TOKEN}" } }
  failedAuthentication: off
  routes: [{ match: { path: / }, profile: standard, upstream: echo }]
`;

export async function startOwnGate({
  origin,
  token,
  tracing = null,
}: Pick<ServedKeyService, 'origin' | 'token'> & { readonly tracing?: Tracing | null }): Promise<OwnGate> {
  const config = proxyConfigOf(CONFIG, { ORIGIN: origin, TOKEN: token.reveal() });
  if (config.keys.service === null) throw new Error('the configuration names no key service');
  const client = new KeyServiceClient({ service: config.keys.service });
  const echo = createEchoServer();
  const echoPort = await listen(echo, '127.0.0.1', 0);
  const logLines: string[] = [];
  const metrics = createMetrics({ version: 'test', revision: 'test' });
  const proxy = await startProxy({
    version: 'test',
    config: { ...config, host: '127.0.0.1', port: 0 },
    source: client,
    renewals: client,
    news: () => () => undefined,
    redis: null,
    limits: null,
    reports: client,
    keyService: null,
    echoOrigin: `http://127.0.0.1:${echoPort}`,
    clock: systemClock,
    metrics,
    tracing,
    log: createLog('info', { write: (line) => void logLines.push(line) }),
  });
  return {
    async status(key, method = 'GET', requestId = '') {
      const headers = { 'x-api-key': key.reveal(), 'x-request-id': requestId };
      const response = await fetch(`http://127.0.0.1:${proxy.port}/`, { method, headers });
      await response.text();
      return response.status;
    },
    logLines,
    scrape: async () => (await metrics.scrape()).text,
    decisions: (requestId) => proxy.decisions(requestId),
    member: () => proxy.member(),
    async stop() {
      await proxy.stop(100);
      await client.close();
      await closeServer(echo, 0);
    },
  };
}
