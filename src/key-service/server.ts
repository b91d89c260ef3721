import {
  fastify,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import type { Secret } from '../core/secret.ts';
import { closeServer, listen } from '../runtime/listen.ts';
import { problem, type Answer } from './answers.ts';
import { calls, type Call, type Door } from './calls.ts';
import type { KeyService } from './keys.ts';
import type { KeyServiceLog } from './log.ts';
import { Tokens } from './tokens.ts';

export interface KeyServerOptions {
  readonly service: KeyService;
  /** Any of them opens `/admin/v1`. */
  readonly adminTokens: readonly Secret[];
  /** Any of them opens `/v1`, for gates. */
  readonly serviceTokens: readonly Secret[];
  readonly log: KeyServiceLog;
}

export interface KeyServer {
  /** Answers the port listened on; port 0 asks the system for a free one. */
  listen(address: { readonly host: string; readonly port: number }): Promise<number>;
  /** Takes no new connections and resolves when what is in flight has been answered or `CLOSE_MS` is over. */
  close(): Promise<void>;
}

const BODY_BYTES = 64 * 1024;
/** For a whole request to arrive; an import of the largest size needs 0.3 MB/s. */
const REQUEST_TIMEOUT_MS = 60_000;
/** Longer than any id, so that a long one is judged by its value and not lost on the way. */
const MAX_PARAM_LENGTH = 1024;
/** How long a call that is under way may hold the end of the process. */
const CLOSE_MS = 5_000;
const METHODS = ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/** The HTTP door of the key service. It writes no access log: what a call changed is logged by the call. */
export function createKeyServer({ service, adminTokens, serviceTokens, log }: KeyServerOptions): KeyServer {
  const app = fastify({
    logger: false,
    bodyLimit: BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
  });
  app.removeContentTypeParser('text/plain');
  const tokens = { admin: new Tokens(adminTokens), service: new Tokens(serviceTokens) };
  const all = calls(service, log);
  for (const call of all) addCall(app, call, tokens);
  for (const path of new Set(all.map((call) => call.path))) refuseOtherMethods(app, path, all);
  app.setNotFoundHandler((_request, reply) => send(reply, problem(404, 'There is nothing here.')));
  app.setErrorHandler<FastifyError>((error, _request, reply) => send(reply, answerOf(error, log)));
  return {
    async listen({ host, port }) {
      await service.start();
      await app.ready();
      return listen(app.server, host, port);
    },
    async close() {
      await closeServer(app.server, CLOSE_MS);
      await app.close();
    },
  };
}

function addCall(app: FastifyInstance, call: Call, tokens: Record<'admin' | 'service', Tokens>): void {
  const { door } = call;
  app.route({
    method: call.method,
    url: call.path,
    ...(call.bodyLimit === undefined ? {} : { bodyLimit: call.bodyLimit }),
    // Before the body is read: who has no token gets nothing parsed.
    onRequest: async (request, reply) => {
      if (door !== 'anyone' && !tokens[door].admits(soleAuthorization(request)))
        return send(reply, unauthorized(door));
    },
    handler: async (request, reply) => {
      const { id = '' } = request.params as { id?: string };
      const left = new AbortController();
      reply.raw.once('close', () => left.abort());
      return send(
        reply,
        await call.answer({ id, query: request.query, body: request.body, signal: left.signal }),
      );
    },
  });
}

/** Node keeps the first of two Authorization lines; two are nobody's token. */
function soleAuthorization(request: FastifyRequest): string | undefined {
  const lines = request.raw.headersDistinct['authorization'];
  return lines?.length === 1 ? lines[0] : undefined;
}

function unauthorized(door: Exclude<Door, 'anyone'>): Answer {
  const headers = { 'www-authenticate': `Bearer realm="plexgate-${door}"` };
  return problem(401, `This needs the ${door} token: Authorization: Bearer TOKEN.`, {}, headers);
}

function refuseOtherMethods(app: FastifyInstance, url: string, all: readonly Call[]): void {
  const known = all.filter((call) => call.path === url).map((call) => call.method as string);
  if (known.includes('GET')) known.push('HEAD');
  app.route({
    method: METHODS.filter((method) => !known.includes(method)),
    url,
    // Answered before the body is read.
    onRequest: async (_request, reply) =>
      send(reply, problem(405, `Allowed here: ${known.join(', ')}.`, {}, { allow: known.join(', ') })),
    handler: async () => undefined,
  });
}

/** What the server library could not read, in words of ours: its own may repeat parts of the body. */
function answerOf(error: FastifyError, log: KeyServiceLog): Answer {
  const status = error.statusCode ?? 500;
  if (status === 413) return problem(413, 'The body is too large.');
  if (status === 415) return problem(415, 'The body must be application/json.');
  if (error.code === 'FST_ERR_BAD_URL') return problem(400, 'The path is not percent-encoded correctly.');
  if (status >= 400 && status < 500) return problem(400, 'The body is not JSON.');
  log.error({ detail: error.message }, 'a call failed');
  return problem(500, 'The key service failed; its log says why.');
}

/** As bytes: to a text the library would add a charset, which neither JSON type has. */
function send(reply: FastifyReply, answer: Answer): FastifyReply {
  return reply
    .code(answer.status)
    .headers({ 'cache-control': 'no-store', 'content-type': 'application/json', ...answer.headers })
    .send(Buffer.from(JSON.stringify(answer.body)));
}
