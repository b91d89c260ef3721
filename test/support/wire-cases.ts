import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';

/**
 * The wire cases of test/wire/*.yaml as data. A case is a promise of one of the documented APIs, or a rule this
 * project adds (`mark`: I decided here, P found in other public material, C found in published code), with the
 * requests that show it.
 */
export const FILES = ['plexe', 'plextera', 'plexmcp', 'standard'] as const;
export const CASES = 123;

const DOCUMENTS = [
  'Plexe API introduction',
  'Plexe authentication overview',
  'Plextera authentication',
  'PlexMCP API overview',
] as const;

const UNITS_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
type Unit = keyof typeof UNITS_MS;

/** `1m30s` as milliseconds. */
const duration = z
  .string()
  .regex(/^(?:\d+(?:ms|s|m|h))+$/)
  .transform((text) =>
    [...text.matchAll(/(\d+)(ms|s|m|h)/g)].reduce(
      (ms, part) => ms + Number(part[1]) * UNITS_MS[part[2] as Unit],
      0,
    ),
  );

const headerLine = z.tuple([z.string(), z.string()]);

/** Texts may name a fixture's key as `{RW}`, its id as `{RW.id}`, a fresh unknown key as `{UNKNOWN}`, the gate as `{gate}`. */
const requestFields = {
  method: z.string(),
  target: z.string(),
  headers: z.array(headerLine),
  body: z.string(),
  /** The whole request instead of the fields above, `\r\n` and all. */
  raw: z.string(),
};
const partialRequest = z.strictObject(requestFields).partial();
const request = partialRequest.extend({
  method: z.string().default('GET'),
  target: z.string().default('/'),
  headers: z.array(headerLine).default([]),
  body: z.string().default(''),
});

const answer = z.strictObject({
  status: z.number().default(200),
  headers: z.array(headerLine).default([['Content-Type', 'application/json']]),
  body: z.string().default('{"ok":true}'),
  behaviour: z.enum(['answers', 'is silent', 'hangs up', 'dies', 'streams']).default('answers'),
});

/** A text, `/a regular expression/`, null for a header that must not be there, or all lines of that name. */
const headerExpectation = z.record(z.string(), z.union([z.string(), z.null(), z.array(z.string())]));

/** Of all requests of the step together. */
const arrivals = z.strictObject({
  count: z.number(),
  method: z.string().optional(),
  target: z.string().optional(),
  headers: headerExpectation.default({}),
  body: z.string().optional(),
  /** The requests are the same byte for byte, their X-Request-Id aside. */
  identical: z.boolean().default(false),
});

const expectation = z.strictObject({
  /** Of every answer; or how many answers have each status, for a step of several requests. */
  status: z.union([z.number(), z.record(z.string(), z.number())]),
  headers: headerExpectation.default({}),
  /** Parts that a JSON answer must have; a text for the exact body. */
  body: z.unknown().optional(),
  /** Names that must not appear anywhere in the JSON answer. */
  bodyWithout: z.array(z.string()).default([]),
  /** The header goes down by one from this number with each answer. */
  countsDown: z.strictObject({ header: z.string(), from: z.number() }).optional(),
  /** How many requests reach the upstream, and how they look there. */
  upstream: z.union([z.number().transform((count) => arrivals.parse({ count })), arrivals]).optional(),
  /** How often the key service is asked. */
  lookups: z.number().optional(),
});

/** A name for later steps, as `{NEW}`: for a text of the JSON answer, or for a key with its id, `{NEW.id}`. */
const keeps = z.record(
  z.string().regex(/^[A-Z][A-Z0-9]*$/),
  z.union([z.string(), z.strictObject({ key: z.string(), id: z.string() })]),
);

const requestStep = z.strictObject({
  request,
  /** Which of the gate's ports the request goes to. */
  door: z.enum(['traffic', 'forward-auth']).default('traffic'),
  /** The request once for each entry, with the entry's fields in place of its own. */
  each: z.array(partialRequest).default([{}]),
  repeat: z.number().default(1),
  /** How many connections send at once. */
  parallel: z.number().default(1),
  /** All requests are sent in one go and happen at one moment by the gate's clock, however long they take. */
  atOnce: z.boolean().default(false),
  answer: answer.optional(),
  expect: expectation,
  /** Where the values are in the last answer, such as `data.key`. */
  keeps: keeps.default({}),
});

const streamStep = z.strictObject({
  stream: request,
  answer: answer.default(answer.parse({ headers: [['Content-Type', 'text/event-stream']] })),
  headers: headerExpectation.default({}),
  /** Each is written by the upstream only after the client has the one before. */
  events: z.array(z.string()),
  /** The client leaves after the last event; the upstream must see it within a second. */
  leave: z.boolean().default(false),
  /** This key is revoked after the last event; the stream must end on both sides within two seconds. */
  revoked: z.string().optional(),
});

const step = z.union([
  requestStep,
  streamStep,
  /** Moves the clocks forward by `1m30s`, or by what the last answer's Retry-After says. */
  z.strictObject({ advance: z.union([z.literal('retry-after'), duration]) }),
  z.strictObject({ revoke: z.string() }),
  z.strictObject({ disable: z.string() }),
  z.strictObject({ create: z.string() }),
  z.strictObject({ upstream: z.literal('down') }),
  /** Whether the key service answers the gate. */
  z.strictObject({ keyService: z.enum(['away', 'back']) }),
  /** Of a case with a Redis: its process is killed. */
  z.strictObject({ redis: z.literal('away') }),
  /** The newest access-log record holds these fields. */
  z.strictObject({ log: z.record(z.string(), z.unknown()) }),
  z.strictObject({ series: z.enum(['remember', 'unchanged']) }),
]);

const wireCase = z
  .strictObject({
    case: z.number().int().min(1).max(CASES),
    title: z.string().min(10),
    says: z.string().optional(),
    document: z.enum(DOCUMENTS).optional(),
    mark: z.enum(['I', 'P', 'C']).optional(),
    because: z.string().optional(),
    config: z.string().default('default'),
    /** Gate and key service share a Redis. */
    redis: z.boolean().default(false),
    /** So many gates share their limits in that Redis, and requests go to one after the other. */
    sharing: z.number().default(0),
    /** The case runs once in each of these environments. */
    env: z.array(z.record(z.string(), z.string())).default([{}]),
    steps: z.array(step).min(1).optional(),
    pending: z.string().min(10).optional(),
  })
  .refine((it) => (it.says === undefined) === (it.document === undefined), 'says and document go together')
  .refine((it) => (it.mark === undefined) === (it.because === undefined), 'mark and because go together')
  .refine((it) => it.says !== undefined || it.mark !== undefined, 'a case has a source or a mark')
  .refine((it) => it.steps !== undefined || it.pending !== undefined, 'a case has steps or is pending');

/** A whole configuration, `{upstream}` for the upstream's origin; or the shipped one with texts in it replaced. */
const caseConfig = z.union([
  z.string(),
  z.strictObject({ edits: z.array(z.tuple([z.string(), z.string()])) }),
]);

const caseFile = z.strictObject({
  /** Cases use `default` unless they name one; it is config/NAME.yaml unless it stands here. */
  configs: z.record(z.string(), caseConfig).default({}),
  cases: z.array(wireCase),
});

export type WireCase = z.infer<typeof wireCase>;
export type WireStep = z.infer<typeof step>;
export type WireRequest = z.infer<typeof request>;
export type PartialRequest = z.infer<typeof partialRequest>;
export type RequestStep = z.infer<typeof requestStep>;
export type StreamStep = z.infer<typeof streamStep>;
export type Expectation = z.infer<typeof expectation>;
export type Arrivals = z.infer<typeof arrivals>;
export type HeaderExpectation = z.infer<typeof headerExpectation>;

export interface WireFile {
  readonly name: string;
  readonly cases: readonly WireCase[];
  configOf(wireCase: WireCase): string;
}

/** Throws, with the place of every mistake, where the file does not have the form above. */
export function readWireFile(name: (typeof FILES)[number]): WireFile {
  const path = new URL(`../wire/${name}.yaml`, import.meta.url);
  const read = caseFile.safeParse(parse(readFileSync(path, 'utf8')));
  if (!read.success) throw new Error(`${name}.yaml: ${z.prettifyError(read.error)}`);
  const { configs, cases } = read.data;
  return {
    name,
    cases,
    configOf: ({ case: number, config }) => {
      const written = config.includes('\n') ? config : configs[config];
      if (typeof written === 'string') return written;
      if (written === undefined && config !== 'default') {
        throw new Error(`case ${number} of ${name}.yaml: no configuration ${config}`);
      }
      return shippedConfig(name, written?.edits ?? []);
    },
  };
}

const SHIPPED_UPSTREAM = 'http://127.0.0.1:3000';

/** The file that users start from, in front of the test's upstream. */
export function shippedConfig(name: string, edits: readonly (readonly [string, string])[] = []): string {
  const path = new URL(`../../config/${name}.yaml`, import.meta.url);
  const all = [...edits, [SHIPPED_UPSTREAM, '{upstream}'] as const];
  return all.reduce(
    (text, [from, to]) => {
      if (!text.includes(from)) throw new Error(`config/${name}.yaml does not hold ${from}`);
      return text.replaceAll(from, to);
    },
    readFileSync(path, 'utf8'),
  );
}
