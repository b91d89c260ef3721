// A key service whose revocations are certain when they are answered: it offers resolve and renew. Node and no package;
// all of it in memory, so each start begins another epoch.
//
//   SERVICE_TOKEN=... ADMIN_TOKEN=... PORT=8081 node resolve-and-renew.js
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

const { SERVICE_TOKEN, ADMIN_TOKEN, PORT = '8081' } = process.env;
if (!SERVICE_TOKEN || !ADMIN_TOKEN) throw new Error('SERVICE_TOKEN and ADMIN_TOKEN are required');

const FENCE_MS = 2000;
/** Clocks of different machines may differ in rate. */
const CERTAIN_AFTER_MS = 1.15 * FENCE_MS;
const KEPT_MS = 15 * 60_000;
const CHANGES_IN_A_GRANT = 10_000;

/** Names one history of numbers. */
let epoch = randomUUID();
/** Records by the SHA-256 of their key, in hex. */
const records = new Map();
/** In order, each with when it was. The number of the newest is the head. */
let kept = [];
let head = 0;
/** By the gates' names: what each has applied, and when it renewed last, by this process's own clock. */
const members = new Map();

function recordOf({ key_id, owner, permission = 'read_only' }) {
  const none = { workspace: null, limits: null };
  const billed = { id: owner, profile: 'standard', tier: 'default', enabled: true, ...none };
  const never = { expires_at: null, revoked_at: null, deprecated_at: null };
  const created_at = new Date().toISOString();
  const own = { profile: 'standard', owner: billed, permission, limits: [], mcps: '*' };
  return { key_id, name: key_id, ...own, created_at, ...never };
}

/** With the change itself, in one turn: no answer ever shows one without the other. */
function noteChange(touched) {
  head += 1;
  const change = { number: head, key_id: null, owner_id: null, digest: null, ...touched };
  const now = performance.now();
  kept = [...kept.filter(({ at }) => at > now - KEPT_MS), { at: now, change }];
  return head;
}

/** Resolves when no gate can be using anything from before the change. */
async function certain(number) {
  const until = performance.now() + CERTAIN_AFTER_MS;
  const waited = [...members.keys()];
  const counts = { members: waited.length, acked: 0, fenced: 0, fenced_members: [] };
  for (const id of waited) {
    // In the epoch that is now: rows of another one acknowledge nothing. A row that has gone is waited for no longer.
    const acknowledged = () => members.get(id)?.epoch === epoch && members.get(id).applied >= number;
    while (members.has(id) && !acknowledged() && performance.now() < until) await pause(10);
    if (acknowledged()) counts.acked += 1;
    else counts.fenced = counts.fenced_members.push(id);
  }
  return counts;
}

function renew(id, { epoch: known, applied, leaving }) {
  // Somebody knows of more than there has been here: numbers were lost.
  if (known === epoch && applied > head) epoch = randomUUID();
  const after = known === epoch ? applied : 0;
  // The row first, then the head: a revocation in between waits for this member or is told to it.
  if (leaving) members.delete(id);
  else members.set(id, { epoch, applied: after, at: performance.now() });
  for (const [other, { at }] of members) {
    if (at < performance.now() - CERTAIN_AFTER_MS) members.delete(other);
  }
  const told = kept.map(({ change }) => change).filter(({ number }) => number > after);
  const now = new Date().toISOString();
  const changes = told.slice(0, CHANGES_IN_A_GRANT);
  return { epoch, head, changes, fence: FENCE_MS, now, redis_run: null };
}

async function answer(method, path, authorization, body) {
  const has = (token) => authorization === `Bearer ${token}`;
  if (path.startsWith('/v1/') && !has(SERVICE_TOKEN)) return [401, { detail: 'the service token, please' }];
  if (path.startsWith('/keys') && !has(ADMIN_TOKEN)) return [401, { detail: 'the admin token, please' }];
  if (path === '/v1/keys/resolve' && method === 'POST') {
    const record = records.get(body.digest);
    return record === undefined ? [404, { as_of: head }] : [200, { record, as_of: head }];
  }
  const member = /^\/v1\/members\/([A-Za-z0-9._-]{1,64})\/renew$/.exec(path)?.[1];
  if (member !== undefined && method === 'POST') return [200, renew(member, body)];
  if (path === '/keys' && method === 'POST') {
    records.set(body.sha256, recordOf(body));
    // Gates may remember that nobody had this key.
    return [201, await certain(noteChange({ digest: body.sha256 }))];
  }
  const record = [...records.values()].find(({ key_id }) => path === `/keys/${key_id}`);
  if (record !== undefined && method === 'DELETE') {
    record.revoked_at ??= new Date().toISOString();
    const propagation = await certain(noteChange({ key_id: record.key_id }));
    return [200, { revoked_at: record.revoked_at, propagation }];
  }
  // A gate that sends reports reads here that nobody wants them.
  return [404, { detail: 'nothing is here' }];
}

const server = createServer(async (request, response) => {
  const send = (status, json) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
  try {
    const text = (await request.toArray()).join('');
    const body = text === '' ? {} : JSON.parse(text);
    send(...(await answer(request.method, request.url, request.headers.authorization, body)));
  } catch {
    send(400, { detail: 'the body is not JSON' });
  }
});
server.listen(Number(PORT), '127.0.0.1', () => {
  process.stdout.write(`listens on http://127.0.0.1:${server.address().port}\n`);
});
