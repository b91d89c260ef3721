// Of rows of Unkey's table of keys, what the key service needs:
//
//   node convert.js owners unkey.json    the owners, one in each line
//   node convert.js keys unkey.json      the list that `plexgate keys import` takes
//
// Unkey keeps the SHA-256 of a key in base64; the key service wants the same in hex.
import { readFileSync } from 'node:fs';

const [what, file] = process.argv.slice(2);

function whyLeftOut({ hash, enabled }) {
  const bytes = Buffer.from(hash, 'base64');
  if (bytes.length !== 32 || bytes.toString('base64') !== hash) return 'its hash is no SHA-256';
  return enabled ? null : 'it is disabled';
}

/** MySQL writes an instant as `2030-01-31 12:00:00.000000`, and Unkey means UTC. */
const instantOf = (text) => (text === null ? undefined : `${text.slice(0, 19).replace(' ', 'T')}Z`);

const keys = JSON.parse(readFileSync(file, 'utf8')).flatMap((row) => {
  const why = whyLeftOut(row);
  if (why !== null && what === 'keys') process.stderr.write(`left out, because ${why}: ${row.id}\n`);
  if (why !== null) return [];
  const { id, hash, name, owner, expires } = row;
  return {
    sha256: Buffer.from(hash, 'base64').toString('hex'),
    key_id: id,
    owner: owner ?? 'unkey',
    name: name ?? id,
    profile: 'standard',
    permission: 'read_write',
    expires_at: instantOf(expires),
  };
});

if (what === 'owners') {
  for (const owner of new Set(keys.map((key) => key.owner))) process.stdout.write(`${owner}\n`);
} else {
  process.stdout.write(JSON.stringify(keys, null, 2));
}
