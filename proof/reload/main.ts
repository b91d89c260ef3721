import type { Proof } from '../revocation/proof.ts';
import { runProofs } from '../revocation/run-proofs.ts';
import { reloads } from './reloads.ts';
import { restarts } from './restarts.ts';

/**
 * `npm run reload-proof`: changed configurations and rolling restarts under load lose no request, shown on real
 * processes, files and sockets, seen from outside only. A line for each proof; exit code 1 where one fails.
 */
const PROOFS: readonly Proof[] = [reloads, restarts];

// Whatever hangs on is no reason to stay.
process.exit(await runProofs('reload-proof', PROOFS));
