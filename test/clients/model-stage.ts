import { startStage, type Stage } from '../support/stage.ts';
import { OK, type OpenStream, type UpstreamAnswer } from '../support/upstream.ts';

/** A model's API behind a gate that speaks as Plexe on /plexe and as RFC 9457 has it elsewhere. */
const CONFIG = `
keyService: {}
proxy:
  failedAuthentication: off
  routes:
    - { match: { path: /plexe }, stripPath: true, profile: plexe, upstream: '{upstream}' }
    - { match: { path: / }, profile: standard, upstream: '{upstream}' }
`;

/** Keys of the stage: one that may write, and one for each reason to be refused. */
export const KEYS = '{S} {RO} {REV} {EXP} {UNK}';

export function startModelStage(): Promise<Stage> {
  return startStage({ config: CONFIG, fixtures: KEYS });
}

/** A key whose owner, made with it, has this limit, such as `1/second`. */
export async function keyWithLimit(stage: Stage, owner: string, limit: string): Promise<string> {
  await stage.gate.service.putOwner(owner, { profile: 'standard', tier: 'default', limits: [limit] });
  const draft = { owner, name: `${limit} of ${owner}`, profile: 'standard', permission: 'read_write' };
  const created = await stage.gate.service.createKey(draft);
  if (created.kind !== 'created') throw new Error(`no key: ${created.kind}`);
  return created.key.reveal();
}

export function jsonAnswer(body: unknown): UpstreamAnswer {
  return { ...OK, body: JSON.stringify(body) };
}

export const EVENT_STREAM: UpstreamAnswer = {
  ...OK,
  headers: [['Content-Type', 'text/event-stream']],
  body: '',
  behaviour: 'streams',
};

export function newestStream(stage: Stage): OpenStream {
  const stream = stage.upstream.streams.at(-1);
  if (stream === undefined) throw new Error('no stream was opened at the upstream');
  return stream;
}

/** The global fetch, which also notes the status of every answer. */
export function notingFetch(statuses: number[]): typeof fetch {
  return async (url, init) => {
    const response = await fetch(url, init);
    statuses.push(response.status);
    return response;
  };
}
