import { randomBytes } from 'node:crypto';

/** Answers in turns, each another one that no server of its kind gives. */
export type Nonsense = () => Buffer;

const html = '<!doctype html><title>Sign in to this network</title>';
const json = '{"surprise":true}';

function inTurns(answers: readonly (() => Buffer)[]): Nonsense {
  let turn = 0;
  return () => answers[turn++ % answers.length]?.() ?? Buffer.alloc(0);
}

const noise: Nonsense = () => Buffer.concat([Buffer.from([0x01]), randomBytes(63)]);

function http(type: string, body: string): Nonsense {
  const head = ['HTTP/1.1 200 OK', `Content-Type: ${type}`, `Content-Length: ${body.length}`, '', ''];
  return () => Buffer.from(head.join('\r\n') + body);
}

/** Bytes of no protocol. */
export const ofBytes = (): Nonsense => noise;

/** Also well-formed replies that answer no question. */
export function ofRedis(): Nonsense {
  return inTurns([noise, () => Buffer.from('+OK\r\n'), () => Buffer.from('*1\r\n$3\r\nwhy\r\n')]);
}

/** Also answers that are HTTP, and no key service's. */
export function ofHttp(): Nonsense {
  return inTurns([noise, http('text/html', html), http('application/json', json)]);
}
