import * as z from 'zod';
import { HEADER_NAME_PATTERN, headerSecret, nonEmptyText, text } from './fields.ts';
import { parseUpstreamUrl } from './upstream-url.ts';

/** A collector takes nothing at its root; who leaves the path out has forgotten it. */
const endpoint = text(
  {
    title: 'URL',
    allowed:
      'an http or https URL with its path and without credentials, query and fragment, such as http://collector:4318/v1/traces',
    pattern: '^https?://[^/]+/.+$',
  },
  (written) => ((parseUpstreamUrl(written)?.basePath ?? '') === '' ? null : written),
);

const SAMPLE = 'a number from 0 to 1';
const HEADERS = 'a mapping of header names, such as { Authorization: ${COLLECTOR_AUTHORIZATION} }';
const RESOURCE = 'a mapping of attribute names, such as { deployment.environment.name: production }';

/** Headers that belong to the message or to its connection. */
const TAKEN: ReadonlySet<string> = new Set(
  'host content-type content-length content-encoding connection keep-alive transfer-encoding upgrade expect te trailer'.split(
    ' ',
  ),
);
const HEADER_NAME = 'a header name, not one of the message or the connection itself';

const headerName = z
  .string()
  .regex(new RegExp(`^${HEADER_NAME_PATTERN}$`), HEADER_NAME)
  .refine((name) => !TAKEN.has(name.toLowerCase()), HEADER_NAME);

export const tracingSchema = z.strictObject({
  endpoint: endpoint.describe('Where spans are sent to: OTLP over HTTP, in JSON.'),
  sample: z
    .number({ error: SAMPLE })
    .min(0, SAMPLE)
    .max(1, SAMPLE)
    .meta({ title: 'number from 0 to 1' })
    .prefault(0.1)
    .describe(
      'Part of the traces that begin here of which spans are kept; of the others the caller decides.',
    ),
  callers: z
    .enum(['any', 'trusted', 'none'])
    .prefault('any')
    .describe(
      'Whose `traceparent` is continued: that of `any` caller, of `trusted` ones, whose address is in `proxy.trustedProxies`, or of `none`, so that every trace begins here.',
    ),
  headers: z
    .record(headerName, headerSecret, { error: HEADERS })
    .prefault({})
    .describe('Headers sent with the spans, such as the Authorization that the collector wants.'),
  service: nonEmptyText.prefault('plexgate').describe('What the spans call this service: `service.name`.'),
  resource: z
    .record(
      z.string().regex(/^[A-Za-z][A-Za-z0-9_.-]{0,127}$/, 'a name of letters, digits, ".", "_" and "-"'),
      nonEmptyText,
      { error: RESOURCE },
    )
    .prefault({})
    .describe('Attributes of this process that all of its spans carry.'),
});

export type ParsedTracing = z.output<typeof tracingSchema>;
