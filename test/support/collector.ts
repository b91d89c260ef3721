import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { closeServer, listen } from '../../src/runtime/listen.ts';

/**
 * What it does with what it is sent: takes it, refuses it, says nothing at all, or answers a byte now and then without
 * ever coming to an end.
 */
export type CollectorManner = 'takes' | 'refuses' | 'is silent' | 'dribbles';

/** A span as the collector has it. Instants are nanoseconds since 1970. */
export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: it begins a trace. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: 'internal' | 'server' | 'client';
  readonly from: bigint;
  readonly to: bigint;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly events: readonly string[];
  readonly failed: boolean;
  readonly resource: Readonly<Record<string, string | number>>;
}

export interface Collector {
  /** Where spans are to be sent. */
  readonly endpoint: string;
  /** Every request's header and body as they came, whatever became of it. */
  readonly received: readonly { readonly headers: IncomingMessage['headers']; readonly body: string }[];
  /** Those that were taken. */
  readonly spans: readonly CollectedSpan[];
  readonly openConnections: number;
  behave(manner: CollectorManner): void;
  stop(): Promise<void>;
}

const PATH = '/v1/traces';

/** A collector of OTLP over HTTP in JSON. */
export async function startCollector(): Promise<Collector> {
  const received: { headers: IncomingMessage['headers']; body: string }[] = [];
  const spans: CollectedSpan[] = [];
  let manner: CollectorManner = 'takes';
  let openConnections = 0;
  const receive = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await textOf(request);
    received.push({ headers: request.headers, body });
    const isAsked = request.method === 'POST' && request.url === PATH;
    if (manner === 'takes' && isAsked) spans.push(...spansIn(body));
    answer(response, isAsked ? manner : 'refuses');
  };
  const server = createServer((request, response) => void receive(request, response).catch(() => undefined));
  server.on('connection', (socket) => {
    openConnections++;
    socket.once('close', () => openConnections--);
  });
  const port = await listen(server, '127.0.0.1', 0);
  return {
    endpoint: `http://127.0.0.1:${port}${PATH}`,
    received,
    spans,
    get openConnections() {
      return openConnections;
    },
    behave(next) {
      manner = next;
    },
    async stop() {
      server.closeAllConnections();
      await closeServer(server, 0);
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

const DRIBBLE_MS = 100;

function answer(response: ServerResponse, manner: CollectorManner): void {
  switch (manner) {
    case 'takes':
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"partialSuccess":{}}');
      return;
    case 'refuses':
      response.writeHead(400).end('nothing of this is wanted');
      return;
    case 'dribbles': {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      const dribble = setInterval(() => response.write(' '), DRIBBLE_MS);
      response.once('close', () => clearInterval(dribble));
      return;
    }
    case 'is silent':
  }
}

interface Attribute {
  readonly key: string;
  readonly value: {
    readonly stringValue?: string;
    readonly intValue?: number;
    readonly doubleValue?: number;
  };
}

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly events: readonly { readonly name: string }[];
  readonly status: { readonly code: number };
}

interface OtlpRequest {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
}

/** Of the protocol's `SpanKind` and `Status.StatusCode`. */
const KINDS = new Map([
  [1, 'internal'],
  [2, 'server'],
  [3, 'client'],
] as const);
const FAILED = 2;

function spansIn(body: string): CollectedSpan[] {
  const { resourceSpans } = JSON.parse(body) as OtlpRequest;
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId ?? '',
        name: span.name,
        kind: KINDS.get(span.kind as 1) ?? 'internal',
        from: BigInt(span.startTimeUnixNano),
        to: BigInt(span.endTimeUnixNano),
        attributes: plain(span.attributes),
        events: span.events.map(({ name }) => name),
        failed: span.status.code === FAILED,
        resource: plain(resource.attributes),
      })),
    ),
  );
}

function plain(attributes: readonly Attribute[]): Record<string, string | number> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? Number(value.intValue ?? value.doubleValue),
    ]),
  );
}
