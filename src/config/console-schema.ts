import * as z from 'zod';
import { duration, network, text } from './fields.ts';

const CONSOLE = 'off, or a mapping such as { origin: https://keys.example.com }';
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

/** Sessions in clear are for this machine alone. */
const origin = text(
  {
    title: 'origin',
    allowed:
      'an https origin without a path such as https://keys.example.com, or http with a name of this machine such as http://localhost:8081',
    pattern: '^https?://[^/?#@]+/?$',
  },
  (written) => {
    if (!/^https?:\/\/[^\s/?#@\\]+\/?$/.test(written) || !URL.canParse(written)) return null;
    const url = new URL(written);
    return url.protocol === 'https:' || LOOPBACK.has(url.hostname) ? url.origin : null;
  },
);

const section = z.strictObject({
  origin: origin
    .optional()
    .describe(
      'Where people find the console; absent, where the key service listens on loopback: by the names of this machine.',
    ),
  idle: duration({ minMs: 1000 })
    .prefault('30m')
    .describe('How long a session goes on without anything done in it.'),
  longest: duration({ minMs: 1000 }).prefault('12h').describe('How long a session goes on in any case.'),
  trustedProxies: z
    .array(network, { error: 'a list of networks such as [10.0.0.0/8]' })
    .prefault([])
    .describe(
      'Networks whose X-Forwarded-For is believed; without them all who come through a proxy count as one address.',
    ),
});

export const consoleSchema = z.union([z.literal('off'), section], { error: CONSOLE });

/** Of a file that says nothing of it. */
export const consoleDefaults = section.parse({});
