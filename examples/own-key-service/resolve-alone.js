// A key service that answers what a key stands for, and nothing else. Node and no package; all of it in memory.
//
//   SERVICE_TOKEN=... ADMIN_TOKEN=... PORT=8081 node resolve-alone.js
//
// Gates use each of its answers for at most their fence (2 s), so a key that is ended here lives on for at most that.
import { createServer } from 'node:http';

const { SERVICE_TOKEN, ADMIN_TOKEN, PORT = '8081' } = process.env;
if (!SERVICE_TOKEN || !ADMIN_TOKEN) throw new Error('SERVICE_TOKEN and ADMIN_TOKEN are required');

/** Records by the SHA-256 of their key, in hex. The keys themselves are nowhere. */
const records = new Map();

function recordOf({ key_id, owner, permission = 'read_only' }) {
  const none = { workspace: null, limits: null };
  const billed = { id: owner, profile: 'standard', tier: 'default', enabled: true, ...none };
  const never = { expires_at: null, revoked_at: null, deprecated_at: null };
  const created_at = new Date().toISOString();
  const own = { profile: 'standard', owner: billed, permission, limits: [], mcps: '*' };
  return { key_id, name: key_id, ...own, created_at, ...never };
}

function answer(method, path, authorization, body) {
  const has = (token) => authorization === `Bearer ${token}`;
  if (path === '/v1/keys/resolve' && method === 'POST') {
    if (!has(SERVICE_TOKEN)) return [401, { detail: 'the service token, please' }];
    const record = records.get(body.digest);
    // Without renewals nobody counts changes: as_of is always 0.
    return record === undefined ? [404, { as_of: 0 }] : [200, { record, as_of: 0 }];
  }
  if (path.startsWith('/keys') && !has(ADMIN_TOKEN)) return [401, { detail: 'the admin token, please' }];
  if (path === '/keys' && method === 'POST') {
    records.set(body.sha256, recordOf(body));
    return [201, {}];
  }
  const record = [...records.values()].find(({ key_id }) => path === `/keys/${key_id}`);
  if (record !== undefined && method === 'DELETE') {
    record.revoked_at ??= new Date().toISOString();
    return [200, { revoked_at: record.revoked_at }];
  }
  // A gate that asks for renewals reads here that there are none.
  return [404, { detail: 'nothing is here' }];
}

const server = createServer(async (request, response) => {
  const send = (status, json) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
  try {
    const text = (await request.toArray()).join('');
    const body = text === '' ? {} : JSON.parse(text);
    send(...answer(request.method, request.url, request.headers.authorization, body));
  } catch {
    send(400, { detail: 'the body is not JSON' });
  }
});
server.listen(Number(PORT), '127.0.0.1', () => {
  process.stdout.write(`listens on http://127.0.0.1:${server.address().port}\n`);
});
