import { describe, expect, test } from 'vitest';
import { digestOf } from '../../src/core/secret.ts';
import { answer, type Script } from '../support/scripted-server.ts';
import { DEADLINE_MS, HEAD, PATIENT_MS, RENEWAL, REPORT, asking, never } from './service-stage.ts';

const digest = digestOf('a key');

describe('no grant comes of', () => {
  const grant = {
    epoch: 'e',
    head: 1,
    changes: [],
    fence: 2000,
    now: '2030-01-01T00:00:00Z',
    redis_run: null,
  };
  const faults: [what: string, script: Script, message: string][] = [
    ['a failure', answer('500 Internal Server Error', ''), 'answered 500'],
    ['a refusal', answer('401 Unauthorized', ''), 'refused the service token (401)'],
    ['a redirection', answer('302 Found', '', 'location: /\r\n'), 'redirections are not followed'],
    [
      'a fence of none',
      answer('200 OK', JSON.stringify({ ...grant, fence: 0 })),
      'fence must be a whole number',
    ],
    ['no epoch', answer('200 OK', JSON.stringify({ ...grant, epoch: undefined })), 'epoch is missing'],
    [
      'ten megabytes',
      answer('200 OK', JSON.stringify({ ...grant, x: 'x'.repeat(10_000_000) })),
      'answered with more than',
    ],
    [
      'half an answer',
      (socket) => void socket.end(`${HEAD}content-length: 99\r\n\r\n{`),
      'broke off its answer',
    ],
  ];
  test.for(faults)('%s', async ([, script, message]) => {
    const { client, server } = await asking(script);
    await expect(client.renew('gate-1', RENEWAL, never)).rejects.toThrow(message);
    server.follow(answer('200 OK', JSON.stringify(grant)));
    expect(await client.renew('gate-1', RENEWAL, never)).toMatchObject({ epoch: 'e', fenceMs: 2000 });
  });
});

describe('a report is not taken by', () => {
  const faults: [what: string, script: Script, message: string][] = [
    ['a failure', answer('503 Service Unavailable', ''), 'answered 503'],
    ['a refusal', answer('401 Unauthorized', ''), 'refused the service token (401)'],
    ['a complaint', answer('413 Content Too Large', ''), 'answered 413'],
    [
      'a redirection',
      answer('301 Moved Permanently', '', 'location: /\r\n'),
      'redirections are not followed',
    ],
    ['a connection closed', (socket) => void socket.end(), 'did not answer'],
  ];
  test.for(faults)('%s', async ([, script, message]) => {
    const { client, server } = await asking(script);
    await expect(client.report(REPORT)).rejects.toThrow(message);
    server.follow(answer('202 Accepted', 'whatever', ''));
    await expect(client.report(REPORT)).resolves.toBeUndefined();
  });
});

describe('silence', () => {
  test('is neither a grant nor a report taken', async () => {
    const { client } = await asking(() => undefined, DEADLINE_MS);
    const message = `did not answer within ${DEADLINE_MS} ms`;
    await expect(client.renew('gate-1', RENEWAL, never)).rejects.toThrow(message);
    await expect(client.report(REPORT)).rejects.toThrow(message);
  });
});

describe('nothing is sent twice', () => {
  test('where the connection breaks off after the request', async () => {
    const { client, server } = await asking((socket) => void socket.resetAndDestroy());
    await expect(client.renew('gate-1', RENEWAL, never)).rejects.toThrow('did not answer');
    await expect(client.report(REPORT)).rejects.toThrow('did not answer');
    expect(server.requests).toHaveLength(2);
  });

  test('and a service that is not there is found out at once', async () => {
    const { client, server } = await asking(() => undefined);
    await server.stop();
    const before = performance.now();
    await expect(client.resolve(digest, never)).rejects.toThrow('did not answer (ECONNREFUSED)');
    expect(performance.now() - before).toBeLessThan(20 * DEADLINE_MS);
  });

  test('nor after the client was closed', async () => {
    const { client } = await asking(() => undefined);
    const waiting = client.resolve(digest, never);
    const failed = expect(waiting).rejects.toThrow('did not answer (UND_ERR_DESTROYED)');
    await client.close();
    await failed;
    await expect(client.resolve(digest, never)).rejects.toThrow('did not answer (UND_ERR_DESTROYED)');
  });
});

describe('who waits', () => {
  test('may stop waiting, and the connection is given up', async () => {
    const { client, server } = await asking(() => undefined);
    const stop = new AbortController();
    const asked = client.resolve(digest, stop.signal);
    await expect.poll(() => server.requests.length).toBe(1);
    const reason = new Error('the caller has left');
    stop.abort(reason);
    await expect(asked).rejects.toBe(reason);
    await expect.poll(() => server.openConnections).toBe(0);
    await expect(client.renew('gate-1', RENEWAL, stop.signal)).rejects.toBe(reason);
    expect(server.requests).toHaveLength(1);
  });

  test('in a queue of lookups that hang waits no longer than the deadline, and renewals pass by', async () => {
    const grant = {
      epoch: 'e',
      head: 0,
      changes: [],
      fence: 2000,
      now: '2030-01-01T00:00:00Z',
      redis_run: null,
    };
    const { client, server } = await asking(
      (socket, request) => {
        if (request.head.includes('/renew')) answer('200 OK', JSON.stringify(grant))(socket, request);
      },
      DEADLINE_MS,
      PATIENT_MS,
    );
    const before = performance.now();
    const lookups = Promise.allSettled(
      Array.from({ length: 100 }, (_, i) => client.resolve(digestOf(String(i)), never)),
    );
    expect(await client.renew('gate-1', RENEWAL, never)).toMatchObject({ epoch: 'e' });
    const settled = await lookups;
    expect(performance.now() - before).toBeLessThan(20 * DEADLINE_MS);
    expect(settled.every(({ status }) => status === 'rejected')).toBe(true);
    server.follow(answer('404 Not Found', '{"as_of":5}'));
    await expect
      .poll(() => client.resolve(digest, never).catch(() => null))
      .toEqual({ record: null, asOf: 5 });
    // Those that hung cost their connections, those still in the queue none.
    expect(server.connections).toBeLessThanOrEqual(1 + 3 * 16);
    expect(server.requests.filter((head) => head.includes('/resolve')).length).toBeLessThanOrEqual(3 * 16);
  });
});
