import { maskKeys } from '../core/secret.ts';
import { findAccess, type AccessOptions } from './admin-access.ts';
import { callAdmin, type AdminAccess, type AdminAnswer, type AdminCall } from './admin-client.ts';
import { jsonOf, plainCell, type Json } from './table.ts';
import { printable, type Terminal } from './terminal.ts';

export interface SessionOptions extends AccessOptions {
  readonly json?: boolean;
}

export type OpenedSession =
  | { readonly kind: 'session'; readonly session: Session }
  | { readonly kind: 'bad_usage'; readonly why: string }
  /** It has been said why. */
  | { readonly kind: 'failed' };

/** What became of a call; of one that failed all has been said that is known. */
export type Done = { readonly kind: 'done'; readonly body: Json } | { readonly kind: 'failed' };

export function openSession(options: SessionOptions, terminal: Terminal): OpenedSession {
  const found = findAccess(options);
  if (found.kind === 'failed') {
    terminal.err(`plexgate: ${found.why}\n`);
    return { kind: 'failed' };
  }
  if (found.kind === 'bad_usage') return found;
  return { kind: 'session', session: new Session(found.access, terminal, options.json === true) };
}

/** The calls of one command, and how their answers are shown. */
export class Session {
  readonly terminal: Terminal;
  readonly #access: AdminAccess;
  readonly #json: boolean;

  constructor(access: AdminAccess, terminal: Terminal, json: boolean) {
    this.#access = access;
    this.terminal = terminal;
    this.#json = json;
  }

  /** A call that is done when it answers `status`. With `--json` a refusal is shown as it came, too. */
  async call(call: AdminCall, status: number, placeOf: PlaceOf = () => null): Promise<Done> {
    const answer = await callAdmin(this.#access, call);
    if (answer.kind === 'answer' && answer.status === status && answer.body !== undefined) {
      return { kind: 'done', body: jsonOf(answer.body) };
    }
    if (this.#json && answer.kind === 'answer' && answer.body !== undefined) this.#showJson(answer.body);
    this.terminal.err(this.#failure(call, answer, placeOf));
    return { kind: 'failed' };
  }

  /** The API's own JSON, or what `people` makes of it. */
  show(body: Json, people: (body: Json) => string): void {
    if (this.#json) this.#showJson(body);
    else this.terminal.out(people(body));
  }

  #showJson(body: unknown): void {
    this.terminal.out(`${JSON.stringify(body, null, 2)}\n`);
  }

  /** What was tried, what came back, and what it says of single fields. */
  #failure({ method, path }: AdminCall, answer: AdminAnswer, placeOf: PlaceOf): string {
    const tried = `plexgate: ${method} ${maskKeys(this.#access.url + path)}`;
    if (answer.kind === 'no_answer') return `${tried}: ${answer.why}\n`;
    const { detail, errors, propagation } = jsonOf(answer.body);
    const status = [answer.status, printable(answer.statusText)].join(' ').trim();
    const says = typeof detail === 'string' ? detail : 'an answer that is not the key service’s';
    const fields = (Array.isArray(errors) ? errors.map(jsonOf) : []).map((error) => {
      const field = plainCell(error['field'], '');
      const place = placeOf(field);
      return [place, field === '' ? null : `${field}:`, plainCell(error['message'])].filter(
        (part) => part !== null,
      );
    });
    return [
      `${tried}: ${status}: ${printable(says)}`,
      ...fields.map((parts) => `  ${printable(parts.join(' '))}`),
      ...(propagation === undefined ? [] : [`  ${propagationText(propagation)}`]),
      '',
    ].join('\n');
  }
}

/** Where in a file the field stands that an error names. */
type PlaceOf = (field: string) => string | null;

/** How many gates have taken a change. */
export function propagationText(propagation: unknown): string {
  const { members, acked, fenced } = jsonOf(propagation);
  if (members === 0) return 'no gate is there to confirm it';
  return `of ${plainCell(members)} gates ${plainCell(acked)} have confirmed, ${plainCell(fenced)} are fenced off`;
}
