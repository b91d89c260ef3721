import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readText, type FileText } from '../../src/config/checked-text.ts';
import { effectiveConfig } from '../../src/config/effective.ts';
import { takeOver } from '../../src/config/live.ts';
import { loadAside, loadFromRead } from '../../src/config/load-aside.ts';
import { loadConfig } from '../../src/config/load.ts';
import { Secret } from '../../src/core/secret.ts';
import { ENVIRONMENT } from './environment.ts';

const files = (folder: string, take = 100) =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .slice(0, take)
    .map((file) => `${folder}/${file}`);

/** Here, and in the thread with what was read here. */
async function loadBoth(path: string) {
  const read = new Map<string, FileText>();
  const here = loadConfig(path, ENVIRONMENT, (name) => {
    const text = readText(name);
    read.set(name, text);
    return text;
  });
  return { here, aside: await loadAside({ path, env: ENVIRONMENT, read }) };
}

describe('a configuration read in a thread of its own', () => {
  it.each(files('test/config/good'))('%s is what it is without one, secrets too', async (path) => {
    const { here, aside } = await loadBoth(path);
    expect(aside.unread).toEqual([]);
    if (here.kind !== 'config' || aside.loaded.kind !== 'config') throw new Error('it is not good');
    expect(effectiveConfig(aside.loaded.config)).toEqual(effectiveConfig(here.config));
    expect(takeOver(here.config, aside.loaded.config).waiting).toEqual([]);
    const token = aside.loaded.config.proxy?.keys.service?.token ?? null;
    if (token !== null) expect(token).toBeInstanceOf(Secret);
    expect(token?.digest()).toBe(here.config.proxy?.keys.service?.token.digest());
    expect(aside.loaded.warnings).toEqual(here.warnings);
  });

  it.each(files('test/config/bad', 5))('%s has the same mistakes', async (path) => {
    const { here, aside } = await loadBoth(path);
    expect(aside.loaded).toEqual(here);
  });

  it('names the files that it was not given', async () => {
    const text = 'keyService: { adminToken: "${file:gone.txt}", serviceToken: "${file:other.txt}" }';
    const read = new Map<string, FileText>([['x.yaml', { kind: 'text', text }]]);
    const { loaded, unread } = await loadAside({ path: 'x.yaml', env: {}, read });
    expect(unread).toEqual(['gone.txt', 'other.txt']);
    expect(loaded.secretFiles).toEqual(unread);
  });

  it('is the same when it is read where it is, as a small one is', async () => {
    const path = 'test/config/good/everything.yaml';
    const read = new Map<string, FileText>();
    const here = loadConfig(path, ENVIRONMENT, (name) => {
      const text = readText(name);
      read.set(name, text);
      return text;
    });
    expect(await loadFromRead({ path, env: ENVIRONMENT, read })).toEqual({ loaded: here, unread: [] });
  });

  it('is found where it is large', async () => {
    const routes = Array.from(
      { length: 1000 },
      (_, i) => `  - { match: { path: /r${i} }, auth: none, upstream: http://127.0.0.1:1 }`,
    );
    const text = ['proxy:', '  routes:', ...routes, 'keyService: {}'].join('\n');
    const read = new Map<string, FileText>([['x.yaml', { kind: 'text', text }]]);
    const { loaded } = await loadFromRead({ path: 'x.yaml', env: {}, read });
    expect(loaded.kind === 'config' ? loaded.config.proxy?.routes : loaded).toHaveLength(1000);
  });
});
