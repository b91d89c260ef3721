import * as z from 'zod';
import { pepper, text, token } from './fields.ts';
import { parseStore } from './store-url.ts';

/* Where the key service keeps keys, and its secrets. */

export const store = text(
  {
    title: 'store',
    allowed:
      'sqlite:PATH, such as sqlite:data/plexgate.db, or postgres://user:password@host:5432/database, special characters of user and password as %XX',
    pattern: '^(sqlite:.+|postgres(ql)?://.+)$',
  },
  parseStore,
);

/** What rotates: one token, or a list of which any is accepted. */
export const tokens = z
  .union([token, z.array(token).min(1, 'a list of at least one secret')], {
    error: 'a text, or a list of texts',
  })
  .transform((written) => (Array.isArray(written) ? written : [written]));

export const peppers = z
  .object({
    current: text({ title: 'name', allowed: 'the name of one of the peppers' }, (written) =>
      written === '' ? null : written,
    ).describe('Name of the pepper that new digests are kept under.'),
  })
  .catchall(pepper.describe('A pepper by its name; older ones stay readable.'));
