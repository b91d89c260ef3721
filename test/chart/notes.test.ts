import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CHART, helm } from './helm.ts';
import { manifestsIn, text, valuesFile } from './renders.ts';

/** `helm template` shows no notes, so this chart has them in an object. */
const chart = mkdtempSync(join(tmpdir(), 'plexgate-notes-'));
cpSync(CHART, chart, { recursive: true });
const notes = readFileSync(join(CHART, 'templates/NOTES.txt'), 'utf8');
writeFileSync(
  join(chart, 'templates/notes.yaml'),
  `{{- define "notes" }}${notes}{{ end -}}
apiVersion: v1
kind: Notes
metadata: { name: notes }
data: { text: {{ include "notes" . | toJson }} }
`,
);
afterAll(() => rmSync(chart, { recursive: true, force: true }));

async function notesOf(set: string, ...more: string[]): Promise<string> {
  const rendered = await text(
    helm(['template', 'demo', chart, '-n', 'gates', '-f', valuesFile(set), ...more]),
  );
  return manifestsIn(rendered).find(({ kind }) => kind === 'Notes')?.data?.['text'] ?? '';
}

describe('after an installation one reads', () => {
  it.each([
    ['where the gate is', 'gateway', [], 'http://demo-plexgate.gates:80'],
    ['where it is from outside', 'ingress', [], 'https://files.example.com'],
    ['how to make the first key', 'gateway', [], 'keys create --owner acme --name first'],
    ['where keys come from', 'keys-file', [], 'keys.yaml of the Secret plexgate-keys'],
    ['that a service with a sidecar listens on loopback alone', 'sidecar-native', [], 'on 127.0.0.1 alone'],
    ["a warning that limits are each replica's own", 'smallest', [], 'WARNING: no externalRedis'],
    ['a warning that limits are off while Redis is', 'everything', [], 'WARNING: whenRedisIsDown is open'],
    [
      'a warning that clients may name any address',
      'gateway',
      ['--set', 'config.proxy.trustedProxies={0.0.0.0/0}'],
      'WARNING: every client is a trusted proxy',
    ],
  ])('%s', async (_, set, more, expected) => {
    expect(await notesOf(set, ...more)).toContain(expected);
  });

  it('no warning where there is nothing to warn of', async () => {
    expect(await notesOf('gateway')).not.toContain('WARNING');
  });
});
