import type { Random } from './random.ts';

/** Words of a request: most of the time proper ones, now and then one that somebody might stumble over. */
export class Grammar {
  readonly #random: Random;
  readonly #keys: readonly string[];

  constructor(random: Random, keys: readonly string[]) {
    this.#random = random;
    this.#keys = keys;
  }

  /** One to four requests on a connection, then perhaps changed as no grammar would have it. */
  input(): string {
    const random = this.#random;
    const requests = Array.from({ length: random.below(4) + 1 }, () => this.request());
    let text = requests.join('');
    if (random.chance(0.5)) {
      for (let i = random.below(4); i >= 0; i--) text = this.#mutated(text);
    }
    return text;
  }

  request(): string {
    const { method, target, version } = this.#start();
    const lines = this.#lines();
    const [framing, body] = this.#body();
    const all = this.#random.shuffled([...lines, ...framing]);
    return `${method}${this.#space()}${target}${this.#space()}${version}\r\n${all.map((line) => `${line}\r\n`).join('')}\r\n${body}`;
  }

  #start() {
    const random = this.#random;
    return {
      method: random.usually(['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH'], [...ODD_METHODS]),
      target: this.#target(),
      version: random.usually(['HTTP/1.1'], ['HTTP/1.0', 'HTTP/2.0', 'HTTP/0.9', 'HTTP/1.2', 'http/1.1']),
    };
  }

  #space(): string {
    return this.#random.chance(0.99) ? ' ' : this.#random.oneOf(['  ', '\t', '']);
  }

  #target(): string {
    const random = this.#random;
    const pieces = Array.from({ length: random.below(4) }, () =>
      random.usually(['a', 'b', 'open', 'admin', 'x.y'], [...ODD_SEGMENTS]),
    );
    const path = `${random.usually(['/'], ['//', '', '/%2f', '\\'])}${pieces.join(random.usually(['/'], ['//', '%2f', '%2F', '\\']))}`;
    const query = random.chance(0.3)
      ? `?${random.usually(['a=b', 'q', ''], ['#', 'a=/../', '%zz', '??', '\\'])}`
      : '';
    const before = random.chance(0.95)
      ? ''
      : random.oneOf(['http://gate.test', 'http://other.test', 'HTTP://GATE.TEST', 'gate.test', '*']);
    return before + path + query;
  }

  #lines(): string[] {
    const random = this.#random;
    const lines = [`Host: ${random.usually(['gate.test'], [...ODD_HOSTS])}`];
    if (random.chance(0.01)) lines.pop();
    if (random.chance(0.01)) lines.push('Host: gate.test');
    lines.push(...this.#credentials());
    for (let i = random.below(4); i > 0; i--) lines.push(random.usually([...PLAIN_LINES], [...ODD_LINES]));
    return lines;
  }

  #credentials(): string[] {
    const random = this.#random;
    if (random.chance(0.1)) return [];
    const key = random.usually([...this.#keys], ['pg_sk_short', 'unknown-key', '', 'two words', 'a"b']);
    const line = random.usually(
      [
        `x-api-key: ${key}`,
        `Authorization: Bearer ${key}`,
        `Authorization: ApiKey ${key}`,
        `Authorization: api-key ${key}`,
      ],
      [
        `X-API-KEY:${key}`,
        `Authorization: ${key}`,
        `Authorization: Basic ${key}`,
        `authorization: bearer  ${key}`,
        `x_api_key: ${key}`,
      ],
    );
    return random.chance(0.97) ? [line] : [line, `x-api-key: ${random.oneOf(this.#keys)}`];
  }

  #body(): [lines: string[], body: string] {
    const random = this.#random;
    if (random.chance(0.5)) return [[], ''];
    const content = random.usually(['hi', '', 'x'.repeat(100)], ['0\r\n\r\n', INNER, '\r\n']);
    if (random.chance(0.5)) {
      const length = random.usually(
        [`${content.length}`],
        [`${content.length + 1}`, `0${content.length}`, '+1', '', '1, 1', '0'],
      );
      return [[`Content-Length: ${length}`], content];
    }
    const coding = random.usually(
      ['chunked'],
      ['Chunked', 'gzip, chunked', 'identity', 'chunked, chunked', '\x0bchunked', ''],
    );
    const more = random.chance(0.98) ? [] : [`Content-Length: ${content.length}`];
    return [[`Transfer-Encoding: ${coding}`, ...more], this.#chunks(content)];
  }

  #chunks(content: string): string {
    const random = this.#random;
    let text = '';
    for (let at = 0; at < content.length;) {
      const size = 1 + random.below(content.length - at);
      const digits = random.usually(
        [size.toString(16)],
        [size.toString(16).toUpperCase(), `0${size.toString(16)}`, `0x${size}`, `${size} `],
      );
      const extension = random.chance(0.95)
        ? ''
        : random.oneOf([';a', ';a=b', ';a="b;c"', ';', ' ;a', ';a=\n']);
      text += `${digits}${extension}\r\n${content.slice(at, at + size)}${random.usually(['\r\n'], ['\n', '', '\r'])}`;
      at += size;
    }
    return `${text}0\r\n${random.usually([''], ['X-User-Id: evil\r\n', 'Content-Length: 3\r\n', 'X: y\n'])}\r\n`;
  }

  #mutated(text: string): string {
    const random = this.#random;
    const at = random.below(text.length + 1);
    const end = Math.min(text.length, at + 1 + random.below(8));
    switch (random.below(6)) {
      case 0:
        return text.slice(0, at) + text.slice(end);
      case 1:
        return text.slice(0, at) + random.oneOf(SPLINTERS) + text.slice(at);
      case 2:
        return text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at + 1);
      case 3:
        return text.slice(0, end) + text.slice(at);
      case 4:
        return random.chance(0.2)
          ? text.slice(0, at)
          : text.slice(0, at) + random.oneOf(SPLINTERS) + text.slice(end);
      default:
        return text.slice(0, at) + text.slice(random.below(text.length + 1));
    }
  }
}

const INNER = 'GET /admin HTTP/1.1\r\nHost: gate.test\r\nX-User-Id: evil\r\n\r\n';
const ODD_METHODS = ['TRACE', 'CONNECT', 'PROPFIND', 'QUERY', 'PURGE', 'get', 'GETS', 'M-SEARCH'] as const;
const ODD_SEGMENTS = [
  '..',
  '.',
  '%2e%2e',
  '%2E.',
  '..;a',
  ';a=b',
  'open;x',
  '%61dmin',
  '%6fpen',
  '%00',
  '%5c',
  '%zz',
  '%',
  '\xe9',
  '~',
  '@',
  ':',
] as const;
const ODD_HOSTS = [
  'gate.test:80',
  'GATE.TEST',
  '[::1]:80',
  '',
  'a b',
  'a/b',
  'a@b',
  'a,b',
  'a:b',
  'a%2eb',
  'gate.test.',
] as const;
const PLAIN_LINES = [
  'Accept: */*',
  'X-A: b',
  'x-a: c',
  'User-Agent: fuzz',
  'Cookie: a=b',
  'Origin: https://a.test',
  'Access-Control-Request-Method: PUT',
  'Connection: keep-alive',
  'Connection: close',
] as const;
const ODD_LINES = [
  'Connection: X-A, x-user-id, Host',
  'Connection: Content-Length, Transfer-Encoding',
  'Connection: Origin',
  'Connection: upgrade',
  'Upgrade: websocket',
  'Upgrade: h2c',
  'X-User-Id: evil',
  'x_user_id: evil',
  'X.Key~Id: evil',
  'X-HTTP-Method-Override: DELETE',
  'X-Forwarded-For: 1.2.3.4',
  'Forwarded: for=1.2.3.4',
  'Transfer_Encoding: chunked',
  'Content_Length: 5',
  'Transfer-Encoding: chunked',
  'Content-Length: 0',
  'Expect: 100-continue',
  'TE: trailers',
  'X-A:',
  'X-A : b',
  ' X-A: b',
  'X-A: b\r\n c',
  'X-A: b\nX-B: c',
  'X-A: \xe9\xff',
  'X-A: \x01',
  'X A: b',
  ': b',
  'Host : other.test',
] as const;
const SPLINTERS = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ':',
  '\r\n\r\n',
  '0\r\n\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Content-Length: 1\r\n',
  INNER,
  ';',
  '\x0b',
  '\x85',
  '/../',
  '%2f',
  'HTTP/1.1',
];
