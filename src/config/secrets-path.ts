import { dirname, join } from 'node:path';
import type { KeyServiceConfig } from './config.ts';

/** Where the tokens and the pepper are kept that the file leaves out: beside the store. */
export function secretsPathOf({ store }: KeyServiceConfig): string {
  return join(dirname(store.path), 'secrets.json');
}
