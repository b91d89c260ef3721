import {
  fastify,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import type { Secret } from '../core/secret.ts';
import { closeServer, hostAndPort, listen } from '../runtime/listen.ts';
import type { Tracing } from '../runtime/tracing/tracing.ts';
import { adminActor, isIdentified, PROGRAM, requestIdOf, vouchedActor, type Requester } from './actor.ts';
import { problem, problemOf, type Answer, type Refusal } from './answers.ts';
import type { Call, Door } from './call.ts';
import { traceCall } from './call-span.ts';
import { calls } from './calls.ts';
import type { ConsoleCall, OpenVisit } from './console/call.ts';
import type { Console } from './console/console.ts';
import type { KeyService } from './keys.ts';
import type { KeyServiceLog } from './log.ts';
import { auditRefusal } from './refused-actions.ts';
import type { Actor } from './store/ledger.ts';
import { Tokens } from './tokens.ts';

export interface KeyServerOptions {
  readonly service: KeyService;
  /** Any of them opens `/admin/v1`. */
  readonly adminTokens: readonly Secret[];
  /** Any of them opens `/v1`, for gates. */
  readonly serviceTokens: readonly Secret[];
  readonly log: KeyServiceLog;
  /** Absent or null: nothing is traced. */
  readonly tracing?: Tracing | null;
  /** Absent or null: there is no page. */
  readonly console?: Console | null;
}

export interface KeyServer {
  /** Answers the port listened on; port 0 asks the system for a free one. */
  listen(address: { readonly host: string; readonly port: number }): Promise<number>;
  /** From now on these tokens open the doors. */
  adopt(accepted: Pick<KeyServerOptions, 'adminTokens' | 'serviceTokens'>): void;
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
export function createKeyServer(options: KeyServerOptions): KeyServer {
  const { service, log, tracing = null, console: page = null } = options;
  const app = fastify({
    logger: false,
    genReqId: ({ headers }) => requestIdOf(headers['x-request-id']?.toString()),
    bodyLimit: BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
  });
  readJsonBodies(app);
  const tokens = tokensOf(options);
  const all = calls(service, log, page?.roster ?? null);
  for (const call of all) addCall(app, { call, service, log, tokens, tracing });
  for (const path of new Set(all.map((call) => call.path))) refuseOtherMethods(app, path, all);
  if (page !== null) addConsole(app, page, log);
  app.setNotFoundHandler((_request, reply) => send(reply, problem(404, 'There is nothing here.')));
  app.setErrorHandler<FastifyError>((error, _request, reply) =>
    send(reply, problemOf(refusalOf(error, log))),
  );
  return {
    async listen({ host, port }) {
      await service.start();
      await app.ready();
      const listening = await listen(app.server, host, port);
      page?.start(`http://${hostAndPort(host, listening)}`);
      return listening;
    },
    adopt(accepted) {
      Object.assign(tokens, tokensOf(accepted));
    },
    async close() {
      page?.stop();
      await closeServer(app.server, CLOSE_MS);
      await app.close();
      await service.stop();
    },
  };
}

function tokensOf({
  adminTokens,
  serviceTokens,
}: Pick<KeyServerOptions, 'adminTokens' | 'serviceTokens'>): Record<'admin' | 'service', Tokens> {
  return { admin: new Tokens(adminTokens), service: new Tokens(serviceTokens) };
}

/** A DELETE may say that its body is JSON and have none: many clients put the same headers on every request. */
function readJsonBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser(['text/plain', 'application/json']);
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    const text = String(body);
    if (text === '' && request.method === 'DELETE') done(null, undefined);
    else void parse(request, text, done);
  });
}

interface ServedCall {
  readonly call: Call;
  readonly service: KeyService;
  readonly log: KeyServiceLog;
  readonly tokens: Record<'admin' | 'service', Tokens>;
  readonly tracing: Tracing | null;
}

function addCall(app: FastifyInstance, served: ServedCall): void {
  const { call, log, tokens, tracing } = served;
  const { door, refusal = problemOf } = call;
  app.route({
    method: call.method,
    url: call.path,
    ...(call.bodyLimit === undefined ? {} : { bodyLimit: call.bodyLimit }),
    // Before the body is read: who has no token gets nothing parsed.
    onRequest: async (request, reply) => {
      reply.header('x-request-id', request.id);
      const isAdmitted = door === 'anyone' || tokens[door].admits(soleAuthorization(request));
      if (tracing !== null) traceCall(tracing, { call, request: request.raw, answer: reply.raw, isAdmitted });
      if (isAdmitted) return undefined;
      // Nobody vouches for what such a request says of who makes it.
      const by = adminActor(requesterOf(call, request));
      return finish(served, { request, by }, reply, refusal(unauthorized(door)));
    },
    errorHandler(error: FastifyError, request, reply) {
      const by = actorOf(call, request);
      void finish(served, { request, by }, reply, refusal(refusalOf(error, log)));
    },
    handler: async (request, reply) => {
      const left = new AbortController();
      reply.raw.once('close', () => left.abort());
      const { query, body, headers } = request;
      const by = actorOf(call, request);
      const asked = { id: idOf(request), query, body, by, identified: isIdentified(headers) };
      return finish(served, { request, by }, reply, await call.answer({ ...asked, signal: left.signal }));
    },
  });
}

/** Answers, once it is written down that an action was refused. */
async function finish(
  { call, service, log }: ServedCall,
  { request, by }: { readonly request: FastifyRequest; readonly by: Actor },
  reply: FastifyReply,
  answer: Answer,
): Promise<FastifyReply> {
  await auditRefusal({ service, log, action: call.action, id: idOf(request), by }, answer);
  return send(reply, answer);
}

/** The page's calls, each behind its own door, and its files. */
function addConsole(app: FastifyInstance, page: Console, log: KeyServiceLog): void {
  for (const call of page.calls) addConsoleCall(app, page, call, log);
  for (const url of ['/console', '/console/*']) {
    app.get(url, async (request, reply) => {
      const path = (request.params as { '*'?: string })['*'] ?? '';
      const file = path.startsWith('api/') ? null : await page.file(path, request);
      if (file === null) return send(reply, problem(404, 'There is nothing here.'));
      return reply.code(file.status).headers(file.headers).send(file.body);
    });
  }
}

function addConsoleCall(app: FastifyInstance, page: Console, call: ConsoleCall, log: KeyServiceLog): void {
  const visits = new WeakMap<FastifyRequest, Omit<OpenVisit, 'query' | 'body'>>();
  const finished = async (
    answer: Answer,
    id: string,
    by: Actor,
    reply: FastifyReply,
  ): Promise<FastifyReply> => send(reply, await page.finish(call, answer, id, by));
  app.route({
    method: call.method,
    url: call.path,
    // Before the body is read: who may not make the call gets nothing parsed.
    onRequest: async (request, reply) => {
      reply.header('x-request-id', request.id);
      const { headers, id: requestId, method, socket } = request;
      const head = { headers, requestId, method, peer: socket.remoteAddress, id: idOf(request) };
      const entered = await page.enter(call, head);
      if ('refused' in entered) return send(reply, entered.refused);
      visits.set(request, entered);
      return undefined;
    },
    errorHandler(error: FastifyError, request, reply) {
      const by = visits.get(request)?.by ?? PROGRAM;
      void finished(problemOf(refusalOf(error, log)), idOf(request), by, reply);
    },
    handler: async (request, reply) => {
      const visit = visits.get(request);
      if (visit === undefined) throw new Error('a call was not let in');
      const { query, body } = request;
      return finished(await call.answer({ ...visit, query, body }), visit.id, visit.by, reply);
    },
  });
}

function actorOf(call: Call, request: FastifyRequest): Actor {
  const requester = requesterOf(call, request);
  return call.door === 'service' ? vouchedActor(requester) : adminActor(requester);
}

function requesterOf({ path }: Call, request: FastifyRequest): Requester {
  const { headers, id: requestId, method, socket } = request;
  return { headers, requestId, peer: socket.remoteAddress, method, path, id: idOf(request) };
}

function idOf({ params }: FastifyRequest): string {
  return (params as { id?: string }).id ?? '';
}

/** Node keeps the first of two Authorization lines; two are nobody's token. */
function soleAuthorization(request: FastifyRequest): string | undefined {
  const lines = request.raw.headersDistinct['authorization'];
  return lines?.length === 1 ? lines[0] : undefined;
}

function unauthorized(door: Exclude<Door, 'anyone'>): Refusal {
  const headers = { 'www-authenticate': `Bearer realm="plexgate-${door}"` };
  return { status: 401, detail: `This needs the ${door} token: Authorization: Bearer TOKEN.`, headers };
}

function refuseOtherMethods(app: FastifyInstance, url: string, all: readonly Call[]): void {
  const there = all.filter((call) => call.path === url);
  const known = there.map((call) => call.method as string);
  const refusal = there[0]?.refusal ?? problemOf;
  if (known.includes('GET')) known.push('HEAD');
  app.route({
    method: METHODS.filter((method) => !known.includes(method)),
    url,
    // Answered before the body is read.
    onRequest: async (_request, reply) => {
      const allow = known.join(', ');
      return send(reply, refusal({ status: 405, detail: `Allowed here: ${allow}.`, headers: { allow } }));
    },
    handler: async () => undefined,
  });
}

/** What the server library could not read, in words of ours: its own may repeat parts of the body. */
function refusalOf(error: FastifyError, log: KeyServiceLog): Refusal {
  const status = error.statusCode ?? 500;
  if (status === 413) return { status, detail: 'The body is too large.' };
  if (status === 415) return { status, detail: 'The body must be application/json.' };
  if (error.code === 'FST_ERR_BAD_URL')
    return { status: 400, detail: 'The path is not percent-encoded correctly.' };
  if (status >= 400 && status < 500) return { status: 400, detail: 'The body is not JSON.' };
  log.error({ detail: error.message }, 'a call failed');
  return { status: 500, detail: 'The key service failed; its log says why.' };
}

/** As bytes: to a text the library would add a charset, which neither JSON type has. */
function send(reply: FastifyReply, answer: Answer): FastifyReply {
  return reply
    .code(answer.status)
    .headers({ 'cache-control': 'no-store', 'content-type': 'application/json', ...answer.headers })
    .send(Buffer.from(JSON.stringify(answer.body)));
}
