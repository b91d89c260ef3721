import { dirname, join } from 'node:path';
import type { KeyServiceConfig } from './config.ts';

/**
 * Where the tokens and the pepper are kept that the file leaves out: beside the store. Null where that is no file; then
 * the file leaves none out.
 */
export function secretsPathOf({ store }: KeyServiceConfig): string | null {
  return store.kind === 'sqlite' ? join(dirname(store.path), 'secrets.json') : null;
}
