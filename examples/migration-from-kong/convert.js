// Of what `deck gateway dump --format json` wrote, what the key service needs:
//
//   node convert.js owners kong.json    a line for each consumer: its name, and its limits as options
//   node convert.js keys kong.json      the list that `plexgate keys import --hash` takes; it has the keys in clear
import { readFileSync } from 'node:fs';

const [what, file] = process.argv.slice(2);
const { consumers = [] } = JSON.parse(readFileSync(file, 'utf8'));
const UNITS = ['second', 'minute', 'hour', 'day'];

/** A consumer has a name, an id of the user's, or both. Escapes of what an owner's id may not have begin with a colon. */
const ownerOf = ({ username, custom_id: customId }) =>
  encodeURIComponent(username ?? customId).replaceAll('%', ':');

/** Kong's limits by the month and the year have no counterpart. */
function limitsOf({ plugins = [] }) {
  const limiting = plugins.filter(({ name, enabled }) => name === 'rate-limiting' && enabled !== false);
  return limiting.flatMap(({ config }) =>
    UNITS.filter((unit) => Number.isInteger(config[unit])).map((unit) => `--limit ${config[unit]}/${unit}`),
  );
}

function keysOf(consumer) {
  const owner = ownerOf(consumer);
  return (consumer.keyauth_credentials ?? []).flatMap(({ key, tags, ttl = null }, i) => {
    const name = tags?.join(', ') ?? `key ${i + 1} from Kong`;
    if (ttl === null) return { key, owner, name, profile: 'standard', permission: 'read_write' };
    // Since when the seconds count is not in the file.
    process.stderr.write(`left out, because it has a ttl: ${name} of ${owner}\n`);
    return [];
  });
}

if (what === 'owners') {
  for (const consumer of consumers) {
    process.stdout.write(`${[ownerOf(consumer), ...limitsOf(consumer)].join(' ')}\n`);
  }
} else {
  process.stdout.write(JSON.stringify(consumers.flatMap(keysOf), null, 2));
}
