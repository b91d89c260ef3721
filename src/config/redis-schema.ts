import * as z from 'zod';
import { filePath, flag, nonEmptyText, password, text, wholeNumber } from './fields.ts';
import { MAX_DATABASE, parseAddress, parseRedisUrl } from './redis-url.ts';

const url = text(
  {
    title: 'URL',
    allowed:
      'a URL such as redis://127.0.0.1:6379 or rediss://user:password@redis.example.com:6379/0, special characters of user and password as %XX',
    pattern: '^rediss?://.+$',
  },
  parseRedisUrl,
);

const address = text(
  {
    title: 'address with port',
    allowed: 'an address with its port, such as 10.0.0.1:6379, [fd00::1]:6379 or redis-0.redis:6379',
    pattern: ':[1-9][0-9]{0,4}$',
  },
  parseAddress,
);

const addresses = (example: string) => {
  const allowed = `a list of addresses with ports, such as [${example}]`;
  return z.array(address, { error: allowed }).min(1, allowed);
};

const tls = z.union(
  [
    flag,
    z.strictObject({
      ca: filePath
        .optional()
        .describe(
          'PEM file of the authorities that may vouch for Redis; absent: the public ones that Node knows.',
        ),
      cert: filePath
        .optional()
        .describe('PEM file of the certificate that is shown to Redis; absent: none is.'),
      key: filePath.optional().describe('PEM file of the private key of `cert`.'),
    }),
  ],
  { error: 'true, false, or a mapping of ca, cert, key' },
);

const protocol = wholeNumber({ title: '`2`, `3`', from: 2, to: 3, allowed: '2, 3' }).transform(
  (written): 2 | 3 => (written === 2 ? 2 : 3),
);

/** Which fields go together is for `redisChecks`. */
export const redisSchema = z.strictObject({
  url: url
    .optional()
    .describe(
      'One server, `redis://[user[:password]@]host[:port][/database]` or `rediss://` for TLS; exactly one of url, sentinels and cluster is given.',
    ),
  sentinels: addresses('10.0.0.1:26379, 10.0.0.2:26379')
    .optional()
    .describe('Sentinels, each as host:port, that are asked which server is the master.'),
  name: nonEmptyText.optional().describe('What the Sentinels call the master, such as mymaster.'),
  cluster: addresses('10.0.0.1:6379, 10.0.0.2:6379')
    .optional()
    .describe('Some nodes of a cluster, each as host:port; the others are found through them.'),
  username: nonEmptyText
    .optional()
    .describe('The ACL user; absent: the one in the URL, or the default user.'),
  password: password
    .optional()
    .describe('The password, where the URL holds none; absent there, too: no authentication.'),
  database: wholeNumber({ title: 'number', from: 0, to: MAX_DATABASE })
    .optional()
    .describe(
      'Number of the database; absent: the one in the URL, or 0, which is the only one of a cluster.',
    ),
  tls: tls
    .optional()
    .describe(
      'Whether connections are encrypted, with a mapping where certificates are to be named; absent: as the URL says.',
    ),
  protocol: protocol
    .prefault(3)
    .describe('Version of the protocol RESP; 2 for proxies in front of Redis that know no other.'),
});

export type ParsedRedis = z.output<typeof redisSchema>;
