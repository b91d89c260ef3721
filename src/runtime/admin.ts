import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Secret } from '../core/secret.ts';
import type { Metrics } from './metrics.ts';

export interface AdminOptions {
  /** Guards everything but the open paths when the caller is not on loopback; null: they answer on loopback only. */
  token(): Secret | null;
  readonly metrics: Metrics;
  /** Configured and not draining. */
  isReady(): boolean;
  /** The configuration in force with its secrets masked. */
  effectiveConfig(): unknown;
  /** The gate of this process as a member of the fleet, and what else is to be told of its members. */
  members(): object | Promise<object>;
  /** The public keys of signed assertions, as a JWK Set; none where nothing is signed, or with a secret. */
  jwks(): object;
  /** What is remembered of the requests with this id, the newest first; empty: none. */
  decisions(requestId: string): readonly object[];
}

interface AdminAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  /** Beside Content-Type, Content-Length and Cache-Control. */
  readonly headers?: Record<string, string>;
}

const OPEN_PATHS: ReadonlySet<string> = new Set(['/livez', '/readyz', '/metrics', '/jwks']);

const DECISIONS = '/decisions/';

/** RFC 7517 section 8.5. */
const JWK_SET = 'application/jwk-set+json';
const KEPT_FOR_A_MINUTE = { 'Cache-Control': 'public, max-age=60' };

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
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return text(405, 'only GET and HEAD', { Allow: 'GET, HEAD' });
  }
  if (!OPEN_PATHS.has(path) && !mayRead(request, options.token())) {
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
      const scrape = await options.metrics.scrape(request.headers.accept);
      return { status: 200, type: scrape.contentType, body: scrape.text };
    }
    case '/jwks':
      return { status: 200, type: JWK_SET, body: JSON.stringify(options.jwks()), headers: KEPT_FOR_A_MINUTE };
    case '/config':
      return json(options.effectiveConfig());
    case '/members':
      return json(await options.members());
    default:
      return path.startsWith(DECISIONS)
        ? decisionsOf(path.slice(DECISIONS.length), options)
        : text(
            404,
            'there are /livez, /readyz, /metrics, /jwks, /config, /members and /decisions/{request id}',
          );
  }
}

/** The id stands percent-encoded in the path, since those that clients choose may hold anything visible. */
function decisionsOf(segment: string, options: AdminOptions): AdminAnswer {
  const id = segment.includes('/') ? null : decoded(segment);
  const decisions = id === null || id === '' ? [] : options.decisions(id);
  if (decisions.length === 0) return text(404, 'this process remembers no request with this id');
  return json({ request_id: id, decisions });
}

function decoded(segment: string): string | null {
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}

function mayRead(request: IncomingMessage, token: Secret | null): boolean {
  const address = request.socket.remoteAddress ?? '';
  if (address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.')) return true;
  const sent = request.headers.authorization ?? '';
  if (token === null || !/^bearer /i.test(sent)) return false;
  return token.equals(new Secret(sent.slice('bearer '.length).trim()));
}

function json(value: unknown): AdminAnswer {
  return { status: 200, type: 'application/json', body: JSON.stringify(value, null, 2) };
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
