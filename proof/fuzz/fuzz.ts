import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { difference, type Expectation } from './comparison.ts';
import { converse } from './conversation.ts';
import { Grammar } from './grammar.ts';
import { judge, type Judgement, type Keys } from './judgement.ts';
import { Random } from './random.ts';
import { read, type Message } from './reading.ts';
import { startFuzzStage, type FuzzStage } from './stage.ts';

export interface Fuzzed {
  readonly seed: number;
  readonly requests: number;
  readonly connections: number;
  readonly forwarded: number;
  readonly seconds: number;
  /** What gate and reference differ in, with the input. */
  readonly disagreements: readonly { readonly what: string; readonly input: string }[];
}

/** So many are enough to begin with. */
const MOST_DISAGREEMENTS = 20;
/** Behind every input that leaves the connection open, so that it ends. */
const LAST = 'GET /open/last HTTP/1.1\r\nHost: gate.test\r\nConnection: close\r\n\r\n';

/** Sends at least so many requests, over one connection after another, and compares what becomes of each. */
export async function fuzz(requests: number, seed: number, tell: (line: string) => void): Promise<Fuzzed> {
  const stage = await startFuzzStage();
  const random = new Random(seed);
  const grammar = new Grammar(random, [...stage.keys.keys()]);
  const startedAt = performance.now();
  const done = { requests: 0, connections: 0, forwarded: 0 };
  const disagreements: { what: string; input: string }[] = [];
  try {
    while (done.requests < requests && disagreements.length < MOST_DISAGREEMENTS) {
      const input = grammar.input() + LAST;
      const one = await compare(stage, input, random);
      done.connections++;
      done.requests += one.requests;
      done.forwarded += one.forwarded;
      if (one.what !== null) {
        disagreements.push({ what: one.what, input: masked(input, stage.keys) });
        tell(`${one.what}\n  ${JSON.stringify(masked(input, stage.keys))}`);
      }
      if (done.connections % 20_000 === 0)
        tell(`${done.requests} requests, ${disagreements.length} disagreements`);
    }
  } finally {
    await stage.stop();
  }
  return { seed, ...done, seconds: (performance.now() - startedAt) / 1000, disagreements };
}

async function compare(stage: FuzzStage, input: string, random: Random) {
  const { messages, rest } = read(input);
  const expectation = expectationOf(messages, rest, stage.keys);
  const { judgements } = expectation;
  const methods = [
    ...messages.map(({ method }) => method),
    rest === 'nothing' ? '' : (rest.head?.method ?? ''),
  ];
  const conversation = await converse(stage.port, piecesOf(input, random), methods, judgements.length);
  const isSettled = await stage.settled();
  const [defect = isSettled ? null : 'a request hangs at the upstream'] = stage.defects();
  return {
    what: defect ?? difference(expectation, conversation, stage.taken()),
    requests: Math.max(1, messages.length + (rest === 'nothing' ? 0 : 1)),
    forwarded: judgements.filter(({ seen }) => seen !== null).length,
  };
}

/** Nothing is expected behind an answer that must end the connection. */
function expectationOf(
  messages: readonly Message[],
  rest: ReturnType<typeof read>['rest'],
  keys: Keys,
): Expectation {
  const judgements: Judgement[] = [];
  for (const message of messages) {
    const judgement = judge(message, keys);
    judgements.push(judgement);
    if (judgement.ends === 'must') return { judgements, broken: null, breaksOff: false };
  }
  const head = rest === 'nothing' ? null : rest.head;
  return { judgements, broken: head === null ? null : judge(head, keys), breaksOff: rest !== 'nothing' };
}

/** In one go, or in two or three pieces. */
function piecesOf(input: string, random: Random): Buffer[] {
  const bytes = Buffer.from(input, 'latin1');
  const cuts = random.chance(0.7)
    ? []
    : Array.from({ length: 1 + random.below(2) }, () => random.below(bytes.length));
  const ends = [...cuts.sort((one, other) => one - other), bytes.length];
  return ends.map((end, i) => bytes.subarray(i === 0 ? 0 : ends[i - 1], end));
}

function masked(input: string, keys: Keys): string {
  let text = input;
  for (const [key, may] of keys) text = text.replaceAll(key, may === 'write' ? '{S}' : '{RO}');
  return text;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { requests: { type: 'string', default: '1000000' }, seed: { type: 'string' } },
  });
  const seed = Number(values.seed ?? randomInt(2 ** 31));
  const tell = (line: string): void => void process.stdout.write(`${line}\n`);
  tell(`seed ${seed}`);
  const { disagreements, ...done } = await fuzz(Number(values.requests), seed, tell);
  tell(
    `${done.requests} requests on ${done.connections} connections in ${done.seconds.toFixed(0)} s, ${done.forwarded} forwarded; ` +
      `${disagreements.length} disagreements, 0 crashes; seed ${seed}`,
  );
  return disagreements.length === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main();
