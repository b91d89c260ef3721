import { calls } from '../src/key-service/calls.ts';
import { KeyService } from '../src/key-service/keys.ts';
import { openApiDocument } from '../src/key-service/openapi/document.ts';
import { Secret } from '../src/core/secret.ts';
import { openSqliteStore } from '../src/key-service/store/sqlite.ts';

const SILENT = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** docs/openapi.json, made from the table of calls of a key service that holds nothing. */
export async function openApiPage(): Promise<string> {
  const store = await openSqliteStore(':memory:');
  const service = new KeyService({
    store,
    clock: { now: () => 0, monotonic: () => 0 },
    peppers: { current: 'p1', secrets: new Map([['p1', new Secret('p1')]]) },
    randomBytes: (size) => new Uint8Array(size),
  });
  const document = openApiDocument(calls(service, SILENT));
  await store.close();
  return `${JSON.stringify(document, null, 2)}\n`;
}
