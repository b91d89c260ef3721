import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { programs } from '../../test/support/redis-programs.ts';
import type { RedisServer } from '../../test/support/redis-servers.ts';
import type { Stage } from './proof.ts';

/** Every command the server is given from now on, in a file. */
export function monitor(stage: Stage, redis: RedisServer, label: string): string {
  const file = join(stage.folder, `${label}-redis-monitor.txt`);
  const output = openSync(file, 'a');
  const child: ChildProcess = spawn(programs().cli, ['-p', String(redis.port), 'MONITOR'], {
    stdio: ['ignore', output, 'ignore'],
  });
  closeSync(output);
  stage.atEnd(() => void child.kill('SIGKILL'));
  return file;
}

const ALL = `
local out = {}
for _, name in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', name)['ok']
  out[#out + 1] = name
  if kind == 'string' then out[#out + 1] = redis.call('GET', name) end
  if kind == 'hash' then for _, field in ipairs(redis.call('HGETALL', name)) do out[#out + 1] = field end end
  if kind == 'list' then for _, item in ipairs(redis.call('LRANGE', name, 0, -1)) do out[#out + 1] = item end end
  if kind == 'set' then for _, item in ipairs(redis.call('SMEMBERS', name)) do out[#out + 1] = item end end
  if kind == 'zset' then for _, item in ipairs(redis.call('ZRANGE', name, 0, -1)) do out[#out + 1] = item end end
end
return out`;

/** All names and values, as redis-cli shows them, and the file of a save. */
export async function everythingIn(redis: RedisServer): Promise<{ shown: string; saved: string }> {
  const { stdout } = spawnSync(programs().cli, ['-p', String(redis.port), 'EVAL', ALL, '0'], {
    encoding: 'latin1',
    maxBuffer: 2 ** 29,
  });
  await redis.cli('CONFIG', 'SET', 'rdbcompression', 'no');
  await redis.cli('SAVE');
  const [, dir = ''] = (await redis.cli('CONFIG', 'GET', 'dir')).split('\n');
  return { shown: stdout, saved: readFileSync(join(dir, 'dump.rdb'), 'latin1') };
}
