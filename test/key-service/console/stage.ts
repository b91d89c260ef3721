import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as send, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, onTestFinished } from 'vitest';
import { Secret } from '../../../src/core/secret.ts';
import { Console, type ConsoleOptions } from '../../../src/key-service/console/console.ts';
import { codeAt, counterAt } from '../../../src/key-service/console/one-time-codes.ts';
import type {
  CreatedKey,
  Enrolment,
  OperatorLink,
  Role,
  SignedIn,
} from '../../../src/key-service/console/wire.ts';
import { Peppers } from '../../../src/key-service/peppers.ts';
import type { KeyStore } from '../../../src/key-service/store/store.ts';
import { createKeyServer } from '../../../src/key-service/server.ts';
import { pepperSet, testService, type TestService } from '../fixture.ts';
import { ADMIN, SERVICE } from '../running-server.ts';

export const PASSWORD = 'correct horse battery staple';
/** Cheap, for tests make many; what it costs in earnest is looked at in a test of its own. */
const CHEAP = { logN: 4, r: 8, p: 1 };
const STEP_MS = 30_000;

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  // oxlint-disable-next-line typescript/no-explicit-any -- bodies of every shape are looked into
  readonly body: any;
  readonly text: string;
}

export interface Asked {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

/** A key service with a console that listens, over a store in memory and a clock that stands still. */
export class Stage {
  readonly keys: TestService;
  readonly console: Console;
  readonly port: number;
  readonly lines: string[];
  readonly close: () => Promise<void>;

  constructor({
    keys,
    console: page,
    port,
    lines,
    close,
  }: Pick<Stage, 'keys' | 'console' | 'port' | 'lines' | 'close'>) {
    this.keys = keys;
    this.console = page;
    this.port = port;
    this.lines = lines;
    this.close = close;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Byte for byte what is given; nothing is added but the body's length. */
  ask(method: string, path: string, { body, headers = {} }: Asked = {}): Promise<Answered> {
    const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
    const all = { ...(text === '' ? {} : { 'content-length': String(Buffer.byteLength(text)) }), ...headers };
    const sent = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
    return new Promise((resolve, reject) => {
      const asked = send(
        { port: this.port, host: '127.0.0.1', method, path, headers: sent as Record<string, string> },
        (answer) => {
          const parts: Buffer[] = [];
          answer.on('data', (part: Buffer) => parts.push(part));
          answer.on('end', () => resolve(answered(answer.statusCode ?? 0, answer.headers, parts)));
        },
      );
      asked.on('error', reject);
      asked.end(text);
    });
  }

  browser(): Browser {
    return new Browser(this);
  }

  /** Signed in as an operator of that role, who has enrolled by a link. */
  async signedIn(role: Role, email = `${role}@example.com`): Promise<Browser> {
    const made = await this.console.roster.create({ email, role }, NOBODY);
    if (made.kind !== 'created') throw new Error(made.kind);
    const browser = this.browser();
    await browser.enrol(made.link);
    return browser;
  }
}

export const NOBODY = {
  keyId: null,
  ownerId: null,
  operator: null,
  requestId: null,
  address: null,
  userAgent: null,
  method: null,
  path: null,
};

function answered(status: number, headers: IncomingHttpHeaders, parts: readonly Buffer[]): Answered {
  const text = Buffer.concat(parts).toString();
  const isJson = (headers['content-type'] ?? '').includes('json');
  return { status, headers, text, body: isJson && text !== '' ? JSON.parse(text) : null };
}

/** What a browser does with the page: keeps cookies, says where a call comes from, has the session's token. */
export class Browser {
  readonly #stage: Stage;
  readonly cookies = new Map<string, string>();
  csrf = 'none';
  /** The authenticator's. */
  secret: Buffer = Buffer.alloc(0);

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  get cookie(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  }

  async call(method: string, path: string, body?: unknown, more: Asked['headers'] = {}): Promise<Answered> {
    const isRead = method === 'GET';
    const headers = {
      'sec-fetch-site': 'same-origin',
      ...(this.cookies.size === 0 ? {} : { cookie: this.cookie }),
      ...(isRead
        ? {}
        : {
            origin: this.#stage.origin,
            'content-type': 'application/json',
            'x-csrf-token': this.csrf,
          }),
      ...more,
    };
    const answer = await this.#stage.ask(method, `/console/api${path}`, {
      ...(isRead ? {} : { body: body ?? {} }),
      headers,
    });
    this.#keep(answer);
    return answer;
  }

  get(path: string): Promise<Answered> {
    return this.call('GET', path);
  }

  post(path: string, body: unknown = {}): Promise<Answered> {
    return this.call('POST', path, body);
  }

  /** A code that has not been used: the clock goes on until there is a new one. */
  code(): string {
    this.#stage.keys.clock.at += STEP_MS;
    return codeAt(this.secret, counterAt(this.#stage.keys.clock.at));
  }

  async enrol(link: string, more: object = {}): Promise<Answered> {
    const token = link.slice(link.indexOf('#') + 1);
    const look = await this.post('/enrolment/look', { token });
    if (look.status !== 200) throw new Error(look.text);
    this.secret = fromBase32((look.body as Enrolment).secret);
    return this.post('/enrolment', { token, password: PASSWORD, code: this.code(), ...more });
  }

  signIn(email: string, more: object = {}): Promise<Answered> {
    return this.post('/session', { email, password: PASSWORD, code: this.code(), ...more });
  }

  async key(owner = 'acme'): Promise<CreatedKey> {
    const body = { owner, name: 'a key', profile: 'plexe', permission: 'read_write' };
    return (await this.post('/keys', body)).body as CreatedKey;
  }

  async link(email: string, role: Role): Promise<OperatorLink> {
    return (await this.post('/operators', { email, role })).body as OperatorLink;
  }

  #keep({ headers, body }: Answered): void {
    for (const line of headers['set-cookie'] ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    const csrf = (body as Partial<SignedIn> | null)?.session?.csrf;
    if (csrf !== undefined) this.csrf = csrf;
  }
}

function fromBase32(text: string): Buffer {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = Array.from(text, (letter) => letters.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

export const PAGE = '<!doctype html><title>console</title>';

/** What a build of the page might have made. */
const BUNDLE = mkdtempSync(join(tmpdir(), 'plexgate-page-'));
mkdirSync(join(BUNDLE, 'assets'));
writeFileSync(join(BUNDLE, 'index.html'), PAGE);
writeFileSync(join(BUNDLE, 'assets', 'index-0123abcd.js'), `// ${'x'.repeat(5000)}\n`);
writeFileSync(join(BUNDLE, 'notes.md'), 'not served');
afterAll(() => rmSync(BUNDLE, { recursive: true }));

type StageOptions = Partial<Pick<ConsoleOptions, 'origin' | 'times' | 'trustedProxies' | 'passwordCost'>>;

/** One that ends with the test. */
export async function startStage(options: StageOptions = {}, store?: KeyStore): Promise<Stage> {
  const stage = await openStage(options, store);
  onTestFinished(() => stage.close());
  return stage;
}

/** One for several tests, which whoever opened it closes. */
export async function openStage(options: StageOptions = {}, store?: KeyStore): Promise<Stage> {
  const keys = await testService(store === undefined ? {} : { store });
  const lines: string[] = [];
  const write = (fields: object, message: string) => void lines.push(JSON.stringify({ ...fields, message }));
  const log = { info: write, warn: write, error: write };
  const page = new Console({
    service: keys.service,
    operators: keys.store.operators,
    peppers: new Peppers(pepperSet('p1')),
    clock: keys.clock,
    log,
    version: '1.2.3',
    origin: null,
    times: { idleMs: 30 * 60_000, longestMs: 12 * 3_600_000 },
    trustedProxies: [],
    passwordCost: CHEAP,
    ...options,
    bundle: BUNDLE,
  });
  const server = createKeyServer({
    service: keys.service,
    adminTokens: [new Secret(ADMIN)],
    serviceTokens: [new Secret(SERVICE)],
    log,
    console: page,
  });
  const port = await server.listen({ host: '127.0.0.1', port: 0 });
  return new Stage({ keys, console: page, port, lines, close: () => server.close() });
}
