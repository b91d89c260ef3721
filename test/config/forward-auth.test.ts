import { expect, it } from 'vitest';
import { parseConfig } from '../../src/config/load.ts';
import { formatMistake } from '../../src/config/mistake.ts';

const GATE = 'proxy: { routes: [{ upstream: echo }] }\nkeyService: {}\n';

it.each([
  [
    'a second door that is open to everybody',
    `forwardAuth: { headers: envoy, trustedProxies: ["::/0"] }\n${GATE}`,
    [
      'x.yaml:1:49 forwardAuth.trustedProxies[0]: everybody may ask for decisions, and name any client address',
    ],
  ],
  [
    'a concurrency limit that the second door cannot keep',
    'forwardAuth: { headers: envoy }\nproxy: { tiers: { plexe: { basic: [5 concurrent] } }, routes: [{ upstream: echo }] }\nkeyService: {}\n',
    [
      'x.yaml:2:28 proxy.tiers.plexe.basic: a concurrency limit that forwardAuth cannot keep: its requests are refused while others fill it, and fill nothing themselves',
    ],
  ],
])('a warning is given of %s', (_, text, warnings) => {
  const readFile = () => ({ kind: 'unreadable', why: 'tests read no files' }) as const;
  const loaded = parseConfig(text, { fileName: 'x.yaml', env: {}, readFile });
  expect(loaded.kind === 'config' && loaded.warnings.map(formatMistake)).toEqual(warnings);
});
