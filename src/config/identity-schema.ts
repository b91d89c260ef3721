import * as z from 'zod';
import { ASSERTION_ALGORITHMS } from '../core/assertion-key.ts';
import { ASSERTION_HEADER, isSameHeader, isTakenHeader } from '../core/forward-headers.ts';
import { duration, nonEmptyText, text } from './fields.ts';
import { Secret } from '../core/secret.ts';

const HEADER = "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$";

const header = text(
  {
    title: 'header name',
    allowed: `a header name such as ${ASSERTION_HEADER}, not one that the gate or the connection has a use for`,
    pattern: HEADER,
  },
  (written) =>
    new RegExp(HEADER).test(written) && (isSameHeader(written, ASSERTION_HEADER) || !isTakenHeader(written))
      ? written
      : null,
);

/** Whether it is what the algorithm wants is seen together with the algorithm. */
const key = text({ title: 'secret', allowed: 'the text of a key', secret: true }, (written) =>
  written === '' ? null : new Secret(written),
);

const KEYS = 'a list of at least one key';

export const identitySchema = z.strictObject({
  header: header
    .prefault(ASSERTION_HEADER)
    .describe("Header that carries the assertion; a client's own is removed on every route."),
  issuer: nonEmptyText.prefault('plexgate').describe('Who says so: the claim `iss`.'),
  lifetime: duration({ minMs: 5_000, maxMs: 300_000 })
    .prefault('30s')
    .describe('How long an assertion is good from when its request may pass: the claim `exp`.'),
  algorithm: z
    .enum(ASSERTION_ALGORITHMS)
    .prefault('EdDSA')
    .describe(
      '`EdDSA` signs with Ed25519, and the public keys are at `/jwks` of the admin port; `HS256` with a secret that the upstream knows too.',
    ),
  keys: z
    .array(key, { error: KEYS })
    .min(1, KEYS)
    .describe(
      'The first signs; with `EdDSA` each is a key in PEM, and the others, of which the public half will do, are published beside it, with `HS256` it is one secret.',
    ),
});

export const audience = nonEmptyText
  .optional()
  .describe(
    'Who the upstream is, the claim `aud`: requests of callers with a key carry an assertion for it, signed as `proxy.identity` says; absent: none.',
  );
