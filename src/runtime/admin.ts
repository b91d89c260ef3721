import { timingSafeEqual, hash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Secret } from '../core/secret.ts';
import type { Metrics } from './metrics.ts';

export interface AdminOptions {
  /** Guards everything but the open paths when the caller is not on loopback. */
  readonly token: Secret | null;
  readonly metrics: Metrics;
  /** Configured and not draining. */
  isReady(): boolean;
  /** The configuration in force with its secrets masked. */
  effectiveConfig(): unknown;
}

interface AdminAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  /** Beside Content-Type, Content-Length and Cache-Control. */
  readonly headers?: Record<string, string>;
}

const OPEN_PATHS: ReadonlySet<string> = new Set(['/livez', '/readyz', '/metrics']);

/** The operator's port. It is never the traffic port, and reads only. */
export function createAdminServer(options: AdminOptions): Server {
  return createServer((request, response) => {
    answer(request, options).then(
      (ready) => write(response, ready),
      () => write(response, text(500, 'internal error')),
    );
  });
}

async function answer(request: IncomingMessage, options: AdminOptions): Promise<AdminAnswer> {
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return text(405, 'only GET and HEAD', { Allow: 'GET, HEAD' });
  const { remoteAddress = '' } = request.socket;
  if (!OPEN_PATHS.has(path) && !mayRead(remoteAddress, request.headers.authorization ?? '', options.token)) {
    return text(401, 'the admin token is required off loopback', {
      'WWW-Authenticate': 'Bearer realm="plexgate-admin"',
    });
  }
  switch (path) {
    case '/livez':
      return text(200, 'ok');
    case '/readyz':
      return options.isReady() ? text(200, 'ok') : text(503, 'not ready');
    case '/metrics': {
      const scrape = await options.metrics.scrape();
      return { status: 200, type: scrape.contentType, body: scrape.text };
    }
    case '/config':
      return {
        status: 200,
        type: 'application/json',
        body: JSON.stringify(options.effectiveConfig(), null, 2),
      };
    default:
      return text(404, 'there are /livez, /readyz, /metrics and /config');
  }
}

/** Who may read what is not open: anybody on loopback, others with the token, nobody else where there is none. */
export function mayRead(address: string, authorization: string, token: Secret | null): boolean {
  if (address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.')) return true;
  if (token === null || !/^bearer /i.test(authorization)) return false;
  // Digests have one length, which timingSafeEqual needs.
  const sent = hash('sha256', authorization.slice(7).trim(), 'buffer');
  return timingSafeEqual(sent, Buffer.from(token.digest(), 'hex'));
}

function text(status: number, body: string, headers: Record<string, string> = {}): AdminAnswer {
  return { status, type: 'text/plain; charset=utf-8', body: `${body}\n`, headers };
}

function write(response: ServerResponse, { status, type, body, headers }: AdminAnswer): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    ...headers,
  });
  response.end(body);
}
