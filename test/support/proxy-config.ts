import type { ProxyConfig } from '../../src/config/config.ts';
import { parseConfig } from '../../src/config/load.ts';
import { formatMistake } from '../../src/config/mistake.ts';

/** The `proxy` section of a configuration text, as the program reads it. */
export function proxyConfigOf(text: string, env: Record<string, string> = {}): ProxyConfig {
  const parsed = parseConfig(text, {
    fileName: 'test.yaml',
    env,
    readFile: () => ({ kind: 'unreadable', why: 'tests read no files' }),
  });
  if (parsed.kind === 'mistakes') throw new Error(parsed.mistakes.map(formatMistake).join('\n'));
  const { proxy } = parsed.config;
  if (proxy === null) throw new Error('the configuration has no proxy');
  return proxy;
}
