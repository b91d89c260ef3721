import { Secret } from '../../../src/core/secret.ts';
import { openPostgresStore } from '../../../src/key-service/store/postgres.ts';
import { newKey } from '../../contracts/key-store.sample.ts';
import { PATIENT } from '../../support/postgres-stores.ts';

/**
 * Run by itself, with the URL of a store that has the owner `acme`: begins to insert 1,200 keys and is killed when
 * the first part of them stands in the transaction and the second is being put together.
 */
const store = await openPostgresStore(new Secret(process.env['STORE_URL'] ?? ''), PATIENT);
const keys = Array.from({ length: 1200 }, (_, i) => newKey({ keyId: `import-${i}` }));
const last = newKey({ keyId: 'last' });
Object.defineProperty(last, 'name', { get: () => process.kill(process.pid, 'SIGKILL') });
keys[700] = last;
await store.insertKeys(keys, 1);
