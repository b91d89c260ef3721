import { describe, expect, it } from 'vitest';
import { parseKeysFile, type FileKeys } from '../../src/config/keys-file/keys-file.ts';
import { digestOf } from '../../src/core/secret.ts';
import type { Change } from '../../src/core/wire.ts';
import { Changes } from '../../src/proxy/keys/changes.ts';
import { FileKeySource } from '../../src/proxy/keys/file-source.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';

const A = digestOf('the first key');
const B = digestOf('the second key');
const T0 = Date.UTC(2030, 0, 1);

interface Owner {
  readonly enabled: boolean;
}

function keys(listed: Record<string, object>, { enabled }: Owner = { enabled: true }): FileKeys {
  const owners = [{ id: 'acme', profile: 'standard', tier: 'default', enabled }];
  const entry = { owner: 'acme', name: 'n', profile: 'standard', permission: 'read_only' };
  const list = Object.entries(listed).map(([sha256, more]) => ({ sha256, ...entry, ...more }));
  const read = parseKeysFile({ kind: 'text', text: JSON.stringify({ owners, keys: list }) }, 'keys.yaml');
  if (read.kind === 'mistakes') throw new Error(JSON.stringify(read.mistakes));
  return read.keys;
}

function sourceOf(first: FileKeys) {
  const source = new FileKeySource(first, T0);
  const heard: Change[] = [];
  source.subscribe((change) => heard.push(change));
  const resolve = (digest = A) => source.resolve(digest, new AbortController().signal);
  return { source, heard, resolve };
}

describe('keys of a file', () => {
  it('are found by their digests, and others are unknown', async () => {
    const { resolve } = sourceOf(keys({ [A]: {} }));
    expect(await resolve(A)).toMatchObject({
      record: { name: 'n', createdAt: T0, revokedAt: null },
      asOf: 0,
    });
    expect(await resolve(B)).toEqual({ record: null, asOf: 0 });
  });

  it('that leave the file are unknown from then on, and the change names them', async () => {
    const { source, heard, resolve } = sourceOf(keys({ [A]: { key_id: 'k' }, [B]: {} }));
    expect(source.replace(keys({ [B]: {} }), T0)).toBe(1);
    expect(heard).toEqual([{ number: 1, keyId: 'k', ownerId: null, digest: A }]);
    expect(await resolve(A)).toEqual({ record: null, asOf: 1 });
    expect((await resolve(B)).record).not.toBeNull();
  });

  it('that are revoked in the file are revoked since it was read, and stay so', async () => {
    const { source, resolve } = sourceOf(keys({ [A]: {} }));
    source.replace(keys({ [A]: { status: 'revoked' } }), T0 + 5);
    source.replace(keys({ [A]: { status: 'revoked', name: 'renamed' } }), T0 + 9);
    expect((await resolve()).record).toMatchObject({ createdAt: T0, revokedAt: T0 + 5, name: 'renamed' });
  });

  it('change with their owner', async () => {
    const { source, heard, resolve } = sourceOf(keys({ [A]: {}, [B]: {} }));
    source.replace(keys({ [A]: {}, [B]: {} }, { enabled: false }), T0);
    expect(heard.map(({ number, digest }) => [number, digest])).toEqual([
      [1, A],
      [2, B],
    ]);
    expect((await resolve()).record?.owner.enabled).toBe(false);
  });

  it('that are the same stay the same, wherever they stand in the file', async () => {
    const { source, heard, resolve } = sourceOf(keys({ [A]: {}, [B]: {} }));
    const before = (await resolve()).record;
    expect(source.replace(keys({ [B]: {}, [A]: {} }), T0 + 5)).toBe(0);
    expect(heard).toEqual([]);
    expect((await resolve()).record).toBe(before);
  });

  it('that are added are a change, so that nobody goes on taking them for unknown', async () => {
    const { source, heard, resolve } = sourceOf(keys({}));
    source.replace(keys({ [A]: {} }), T0 + 5);
    expect(heard).toMatchObject([{ number: 1, digest: A }]);
    expect(await resolve()).toMatchObject({ record: { createdAt: T0 + 5 }, asOf: 1 });
  });
});

it('an answer that began before the file changed is not current after it', async () => {
  const { source, resolve } = sourceOf(keys({ [A]: { key_id: 'k' } }));
  const changes = new Changes({ now: () => T0, monotonic: () => 0 });
  source.subscribe((change) => changes.apply(change));
  const about = { digest: A, keyId: 'k', ownerId: 'acme' };
  const { asOf } = await resolve();
  expect(changes.isCurrent(about, asOf)).toBe(true);
  source.replace(keys({}), T0);
  expect(changes.isCurrent(about, asOf)).toBe(false);
  expect(changes.isCurrent(about, (await resolve()).asOf)).toBe(true);
});

it('a gate without a keys file has no metric that says one was refused', async () => {
  const { text } = await createMetrics({ version: 'test', revision: 'test' }).scrape();
  expect(text).toContain('# TYPE plexgate_keys_file_last_reload_successful gauge');
  expect(text).not.toMatch(/^plexgate_keys_file/m);
});
