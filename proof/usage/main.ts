import { runProofs } from '../revocation/run-proofs.ts';
import type { Proof } from '../revocation/proof.ts';
import { onPostgres, onSqlite } from './counted-once.ts';
import { lost } from './lost.ts';

/**
 * `npm run usage-proof`: usage is the upstream's own count, key by key, after 100,000 mixed requests with restarts of
 * everything; what may be lost is lost as is said, and nothing is counted twice. Real processes, seen from outside.
 */
const PROOFS: readonly Proof[] = [onPostgres, onSqlite, lost];

// Whatever hangs on is no reason to stay.
process.exit(await runProofs('usage-proof', PROOFS));
