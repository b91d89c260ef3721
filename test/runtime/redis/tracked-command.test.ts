import { Socket } from 'node:net';
import { beforeEach, describe, expect, test } from 'vitest';
import { reasonOf } from '../../../src/runtime/redis/reason.ts';
import { TrackedCommand } from '../../../src/runtime/redis/tracked-command.ts';

class ReplyError extends Error {
  override readonly name = 'ReplyError';
}

describe('a command', () => {
  let command: TrackedCommand;
  let connection: Socket;
  beforeEach(() => {
    command = new TrackedCommand('set', ['name', 'value']);
    command.promise.catch(() => {});
    connection = new Socket();
  });

  test('that was never written is not unanswered', () => {
    expect([command.isUnanswered, command.writtenTo]).toEqual([false, null]);
  });

  test('that was written is unanswered on that connection', () => {
    expect(String(command.toWritable(connection))).toContain('value');
    expect([command.isUnanswered, command.writtenTo]).toEqual([true, connection]);
  });

  test('stays unanswered when its connection is lost', () => {
    command.toWritable(connection);
    command.reject(new Error('Connection is closed.'));
    expect(command.isUnanswered).toBe(true);
  });

  test('is answered by an error reply, and unanswered again where it is sent on', () => {
    command.toWritable(connection);
    command.reject(new ReplyError('MOVED 5 127.0.0.1:7001'));
    expect(command.isUnanswered).toBe(false);
    const other = new Socket();
    command.toWritable(other);
    expect([command.isUnanswered, command.writtenTo]).toEqual([true, other]);
  });

  test('that nobody waits for any more is never written', () => {
    command.abandon();
    expect(String(command.toWritable(connection))).toBe('*1\r\n$4\r\nping\r\n');
    expect(command.isUnanswered).toBe(false);
  });
});

test.each([
  [new ReplyError("ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'x' 'secret'"), 'ERR'],
  [new ReplyError('WRONGPASS invalid username-password pair or user is disabled.'), 'WRONGPASS'],
  [new ReplyError('secret is what the script said'), 'ERR'],
  [
    new ReplyError('ERR user_script:7: secret script: abc, on @user_script:7.'),
    'ERR at line 7 of the script',
  ],
  [Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:6379'), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
  [new Error('Command timed out'), 'no answer'],
  [new Error('All sentinels are unreachable. Last error: secret'), 'no Sentinel knows the master'],
  [new Error('Failed to refresh slots cache.'), 'no node of the Cluster answered'],
  [new Error('secret'), 'the connection was closed'],
])('of "%s" the reason is told without what was sent', (error, reason) => {
  expect(reasonOf(error)).toBe(reason);
});
