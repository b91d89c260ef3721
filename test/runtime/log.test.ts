import { describe, expect, it } from 'vitest';
import { LOG_LEVELS, type LogLevel } from '../../src/config/config.ts';
import { createLog, type Log } from '../../src/runtime/log.ts';

function logging(level: LogLevel): { log: Log; lines: Record<string, unknown>[]; texts: string[] } {
  const texts: string[] = [];
  const lines: Record<string, unknown>[] = [];
  const log = createLog(level, {
    write(text: string) {
      texts.push(text);
      lines.push(JSON.parse(text) as Record<string, unknown>);
    },
  });
  return { log, lines, texts };
}

describe('a log line', () => {
  it('is one line of JSON with level, time, the given fields and the message', () => {
    const { log, lines, texts } = logging('info');
    log.warn({ requestId: 'req_1', status: 503, detail: 'a\nb "c" \u2028 \u0000' }, 'request');
    expect(texts).toHaveLength(1);
    expect(texts[0]?.trimEnd()).not.toContain('\n');
    expect(lines[0]).toEqual({
      level: 'warn',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      requestId: 'req_1',
      status: 503,
      detail: 'a\nb "c" \u2028 \u0000',
      msg: 'request',
    });
  });

  it('is written alike at every level', () => {
    const { log, texts } = logging('info');
    const fields = { path: '/a"b\\\n\u2028\ud800é', receivedAt: 1.25, bytesOut: 0, status: 200 };
    log.info(fields, 'a "message"');
    log.warn(fields, 'a "message"');
    log.info({}, 'nothing more');
    log.warn({}, 'nothing more');
    const [info, warn, emptyInfo, emptyWarn] = texts.map((text) =>
      text.replace(/"(?:info|warn)"/, '"level"').replace(/"time":"[^"]*"/, '"time"'),
    );
    expect(info).toBe(warn);
    expect(emptyInfo).toBe(emptyWarn);
  });

  it('has no process id, host name or other field of its own', () => {
    const { log, lines } = logging('debug');
    for (const write of ['debug', 'info', 'warn', 'error'] as const) log[write]({}, 'nothing more');
    for (const line of lines) expect(Object.keys(line).sort()).toEqual(['level', 'msg', 'time']);
  });

  it('takes no field that is not on the list', () => {
    const { log } = logging('info');
    // @ts-expect-error a list of headers has no way into the log
    log.info({ headers: {} }, 'headers');
    // @ts-expect-error nor has a raw error, whose message may hold anything
    log.error({ err: new Error('x') }, 'an error');
    // @ts-expect-error nor has an object under a field that is a text
    log.info({ detail: { key: 'x' } }, 'an object');
    expect.assertions(0);
  });
});

describe('the level', () => {
  const WRITTEN: Record<LogLevel, readonly string[]> = {
    trace: ['debug', 'info', 'warn', 'error'],
    debug: ['debug', 'info', 'warn', 'error'],
    info: ['info', 'warn', 'error'],
    warn: ['warn', 'error'],
    error: ['error'],
    fatal: [],
    silent: [],
  };

  it.each(LOG_LEVELS)('%s leaves out what is below it', (level) => {
    const { log, lines } = logging(level);
    for (const write of ['debug', 'info', 'warn', 'error'] as const) log[write]({}, write);
    expect(lines.map((line) => line['level'])).toEqual(WRITTEN[level]);
    expect(lines.map(({ msg }) => msg)).toEqual(WRITTEN[level]);
  });
});

it('what cannot be written out must not end the process', () => {
  const log = createLog('info', {
    write: () => undefined,
    flushSync: () => {
      throw new Error('EPIPE');
    },
  } as { write(): void });
  expect(() => log.flush()).not.toThrow();
});
