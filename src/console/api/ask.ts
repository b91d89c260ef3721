import type { Problem } from '../../key-service/console/wire.ts';
import type { Calls, Name } from './calls.ts';

export type Reply<Answer> =
  { readonly ok: true; readonly answer: Answer } | { readonly ok: false; readonly problem: Problem };

interface Terms {
  /** In the place of `:id`. */
  readonly id?: string;
  /** Nobody asked for it by hand: the session goes on growing idle. */
  readonly background?: boolean;
  readonly signal?: AbortSignal;
}

/** What can be done about a refusal, so that the same call may succeed; each answers whether it has been done. */
export interface Remedies {
  /** The session has ended: have somebody sign in. */
  signIn(): Promise<boolean>;
  /** The call is a sensitive one: have the operator give password or code once more. */
  confirm(): Promise<boolean>;
  /** The page's token is an old one: fetch it anew. */
  renew(): Promise<boolean>;
}

const DEADLINE_MS = 20_000;
const NOBODY = 'none';

let csrf = NOBODY;
let remedies: Remedies | null = null;

export function rememberToken(token: string | null): void {
  csrf = token ?? NOBODY;
}

export function remedyBy(next: Remedies | null): void {
  remedies = next;
}

/** Makes a call, and where a remedy is at hand, once more. It never throws; a network that fails is a problem, too. */
export async function ask<N extends Name>(
  name: N,
  terms: Terms & {
    readonly query?: Calls[N]['query'] | undefined;
    readonly body?: Calls[N]['body'] | undefined;
  } = {},
): Promise<Reply<Calls[N]['answer']>> {
  const tried = new Set<string>();
  for (;;) {
    const reply = await exchange<Calls[N]['answer']>(name, terms);
    if (reply.ok || tried.has(reply.problem.code)) return reply;
    tried.add(reply.problem.code);
    if (!(await remedy(reply.problem))) return reply;
  }
}

async function remedy({ code }: Problem): Promise<boolean> {
  if (code === 'signed_out') return (await remedies?.signIn()) ?? false;
  if (code === 'confirm') return (await remedies?.confirm()) ?? false;
  if (code === 'foreign') return (await remedies?.renew()) ?? false;
  return false;
}

async function exchange<Answer>(
  name: Name,
  {
    id,
    query,
    body,
    background,
    signal,
  }: Terms & { readonly query?: object | undefined; readonly body?: object | undefined },
): Promise<Reply<Answer>> {
  const [method = 'GET', path = ''] = name.split(' ');
  const deadline = AbortSignal.timeout(DEADLINE_MS);
  try {
    const response = await fetch(path.replace(':id', encodeURIComponent(id ?? '')) + searchOf(query), {
      method,
      redirect: 'error',
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
      headers: {
        ...(background === true && { 'x-background': '1' }),
        ...(method !== 'GET' && { 'content-type': 'application/json', 'x-csrf-token': csrf }),
      },
      ...(method !== 'GET' && { body: JSON.stringify(body ?? {}) }),
    });
    const answer: unknown = await response.json();
    if (response.ok) return { ok: true, answer: answer as Answer };
    return { ok: false, problem: answer as Problem };
  } catch {
    return { ok: false, problem: UNREACHABLE };
  }
}

function searchOf(query: object = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  return given.length === 0
    ? ''
    : `?${new URLSearchParams(given.map(([key, value]) => [key, String(value)]))}`;
}

const UNREACHABLE: Problem = {
  status: 0,
  code: 'failed',
  title: 'No answer',
  detail: 'The key service does not answer. Is it running, and can this computer reach it?',
};

/** What is wrong with a field, as the key service says it. */
export function wrongOf(problem: Problem | null, field: string): string | undefined {
  return problem?.errors?.find((error) => error.field === field)?.message;
}
