import { request } from 'node:http';
import { Duplex } from 'node:stream';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mutationsWith } from '../../support/message-mutation.ts';
import { ANSWER } from './answer-grammar.ts';
import { readingOf, type Reading } from './reading.ts';

const RUNS = 3000;

/** What both readers say of an answer. */
interface Said {
  readonly status: number;
  readonly phrase: string;
  readonly raw: readonly string[];
  readonly body: string;
}

/** An end of a connection on which these bytes come, and then its end, as soon as something is asked. */
class Spoken extends Duplex {
  #text: string | null;

  constructor(text: string) {
    super();
    this.#text = text;
  }

  override _read(): void {
    // All of it is pushed at once.
  }

  override _write(_bytes: Buffer, _encoding: string, done: () => void): void {
    done();
    if (this.#text === null) return;
    this.push(Buffer.from(this.#text, 'latin1'));
    this.push(null);
    this.#text = null;
  }
}

/** The answer as Node's own strict parser reads it; null: it refuses it, or it is not whole. */
function byNode(text: string, isToHead: boolean): Promise<Said | null> {
  return new Promise((resolve) => {
    const method = isToHead ? 'HEAD' : 'GET';
    const asked = request({
      method,
      insecureHTTPParser: false,
      createConnection: () => new Spoken(text),
    });
    asked.maxHeadersCount = 0;
    asked.on('error', () => resolve(null)).on('upgrade', () => resolve(null));
    asked.on('response', (answer) => {
      let body = '';
      answer.setEncoding('latin1').on('data', (part: string) => (body += part));
      answer.on('error', () => resolve(null));
      answer.on('close', () =>
        resolve(
          answer.complete
            ? {
                status: answer.statusCode ?? 0,
                phrase: answer.statusMessage ?? '',
                raw: answer.rawHeaders,
                body,
              }
            : null,
        ),
      );
    });
    asked.end();
  });
}

function saidBy({ head, body }: Reading): Said {
  return { status: head?.status ?? 0, phrase: head?.phrase ?? '', raw: head?.raw ?? [], body };
}

const MUTATION = mutationsWith([
  'Upgrade: x\r\nConnection: upgrade\r\n',
  'HTTP/1.1 200 OK\r\n',
  'HTTP/1.1 101 S\r\n\r\n',
]);

describe('whatever is taken for a whole answer', () => {
  it('Node takes for the same one, byte by byte, and what it refuses is refused', async () => {
    let taken = 0;
    let refused = 0;
    const mutations = fc.array(MUTATION, { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(ANSWER, mutations, async ({ text, isToHead }, changes) => {
        const mutant = changes.reduce((changed, change) => change(changed), text);
        const ours = readingOf(mutant, [], isToHead);
        if (!ours.isWhole) return void refused++;
        taken++;
        expect(await byNode(mutant.slice(0, ours.used), isToHead), JSON.stringify(mutant)).toEqual(
          saidBy(ours),
        );
      }),
      { numRuns: RUNS },
    );
    // Neither side of the comparison is empty.
    expect(Math.min(taken, refused)).toBeGreaterThan(RUNS / 10);
  });
});

const OK = 'HTTP/1.1 200 OK\r\n';
const LENGTH = 'Content-Length: 2\r\n';

describe('what Node takes is refused on purpose', () => {
  it.each([
    ['empty lines before the answer', `\r\n\r\n${OK}${LENGTH}\r\nok`],
    ['an answer of HTTP/2.0 in the form of HTTP/1.1', `HTTP/2.0 200 OK\r\n${LENGTH}\r\nok`],
    ['another coding before the chunks', `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n`],
    ['a coding that is none, until the connection ends', `${OK}Transfer-Encoding: identity\r\n\r\nok`],
    [
      'a size with more digits than any has',
      `${OK}Transfer-Encoding: chunked\r\n\r\n${'0'.repeat(15)}2\r\nok\r\n0\r\n\r\n`,
    ],
    ['an extension without its value', `${OK}Transfer-Encoding: chunked\r\n\r\n2;a=\r\nok\r\n0\r\n\r\n`],
    [
      'a transfer coding in the trailer',
      `${OK}Transfer-Encoding: chunked\r\n\r\n0\r\nTransfer-Encoding: x\r\n\r\n`,
    ],
  ])('%s', async (_, text) => {
    expect((await byNode(text, false))?.status).toBe(200);
    expect(readingOf(text).refusal).not.toBe(null);
  });
});
