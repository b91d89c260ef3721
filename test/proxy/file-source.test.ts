import { describe, expect, it } from 'vitest';
import { parseKeysFile, type FileKeys } from '../../src/config/keys-file/keys-file.ts';
import { digestOf } from '../../src/core/secret.ts';
import { FileKeySource } from '../../src/proxy/keys/file-source.ts';
import { createMetrics } from '../../src/runtime/metrics.ts';
import { FakeClock } from '../support/fake-clock.ts';

const A = digestOf('the first key');
const B = digestOf('the second key');
const SIGNAL = new AbortController().signal;

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
  const clock = new FakeClock();
  const source = new FileKeySource(first, clock);
  const heard: string[] = [];
  source.onNews(() => heard.push('news'));
  const resolve = (digest = A) => source.resolve(digest, SIGNAL);
  const told = async (applied: number) => {
    const renewal = { epoch: null, applied, staleIfErrorMs: 0, leaving: false };
    return source.renew('m', renewal, SIGNAL);
  };
  return { source, clock, heard, resolve, told };
}

describe('keys of a file', () => {
  it('are found by their digests, and others are unknown', async () => {
    const { resolve, clock } = sourceOf(keys({ [A]: {} }));
    expect(await resolve(A)).toMatchObject({
      record: { name: 'n', createdAt: clock.now(), revokedAt: null },
      asOf: 0,
    });
    expect(await resolve(B)).toEqual({ record: null, asOf: 0 });
  });

  it('that leave the file are unknown from then on, and the change names them', async () => {
    const { source, heard, told, resolve } = sourceOf(keys({ [A]: { key_id: 'k' }, [B]: {} }));
    expect(source.replace(keys({ [B]: {} }))).toBe(1);
    expect(heard).toEqual(['news']);
    expect(await told(0)).toMatchObject({
      head: 1,
      changes: [{ number: 1, keyId: 'k', ownerId: null, digest: A }],
    });
    expect(await resolve(A)).toEqual({ record: null, asOf: 1 });
    expect((await resolve(B)).record).not.toBeNull();
  });

  it('that are revoked in the file are revoked since it was read, and stay so', async () => {
    const { source, clock, resolve } = sourceOf(keys({ [A]: {} }));
    const createdAt = clock.now();
    clock.advance(5);
    source.replace(keys({ [A]: { status: 'revoked' } }));
    clock.advance(4);
    source.replace(keys({ [A]: { status: 'revoked', name: 'renamed' } }));
    const revokedAt = createdAt + 5;
    expect((await resolve()).record).toMatchObject({ createdAt, revokedAt, name: 'renamed' });
  });

  it('change with their owner', async () => {
    const { source, told, resolve } = sourceOf(keys({ [A]: {}, [B]: {} }));
    source.replace(keys({ [A]: {}, [B]: {} }, { enabled: false }));
    expect((await told(0)).changes.map(({ number, digest }) => [number, digest])).toEqual([
      [1, A],
      [2, B],
    ]);
    expect((await resolve()).record?.owner.enabled).toBe(false);
  });

  it('that are the same stay the same, wherever they stand in the file', async () => {
    const { source, heard, resolve } = sourceOf(keys({ [A]: {}, [B]: {} }));
    const before = (await resolve()).record;
    expect(source.replace(keys({ [B]: {}, [A]: {} }))).toBe(0);
    expect(heard).toEqual([]);
    expect((await resolve()).record).toBe(before);
  });

  it('that are added are a change, so that nobody goes on taking them for unknown', async () => {
    const { source, clock, told, resolve } = sourceOf(keys({}));
    clock.advance(5);
    source.replace(keys({ [A]: {} }));
    expect((await told(0)).changes).toMatchObject([{ number: 1, digest: A }]);
    expect(await resolve()).toMatchObject({ record: { createdAt: clock.now() }, asOf: 1 });
  });
});

describe('whoever renews', () => {
  it('is told of what has changed since, and granted a fence by the time of this machine', async () => {
    const { source, clock, told } = sourceOf(keys({}));
    source.replace(keys({ [A]: {} }));
    source.replace(keys({ [A]: {}, [B]: {} }));
    const changes = [{ number: 2, digest: B }];
    expect(await told(1)).toMatchObject({
      head: 2,
      changes,
      fenceMs: 2000,
      now: clock.now(),
      redisRun: null,
    });
    expect(await told(2)).toMatchObject({ head: 2, changes: [] });
  });

  it('hears no more once it has said so', () => {
    const { source } = sourceOf(keys({}));
    const heard: string[] = [];
    const end = source.onNews(() => heard.push('news'));
    end();
    source.replace(keys({ [A]: {} }));
    expect(heard).toEqual([]);
  });
});

it('a gate without a keys file has no metric that says one was refused', async () => {
  const { text } = await createMetrics({ version: 'test', revision: 'test' }).scrape();
  expect(text).toContain('# TYPE plexgate_keys_file_last_reload_successful gauge');
  expect(text).not.toMatch(/^plexgate_keys_file/m);
});
