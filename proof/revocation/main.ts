import type { Proof } from './proof.ts';
import { coldLookups } from './proofs/cold.ts';
import { cutOff } from './proofs/cut-off.ts';
import { failover } from './proofs/failover.ts';
import { fiveSidecars } from './proofs/five-sidecars.ts';
import { history } from './proofs/history.ts';
import { lateAnswers } from './proofs/late-answers.ts';
import { noSecrets } from './proofs/no-secrets.ts';
import { paused } from './proofs/paused.ts';
import { randomKeys } from './proofs/random-keys.ts';
import { streams } from './proofs/streams.ts';
import { runProofs } from './run-proofs.ts';

/**
 * `npm run revocation-proof`: what is promised of revocation, shown on real processes: gates and key services of this
 * clone, Redis, PostgreSQL and sockets, seen from outside only. A line for each proof; exit code 1 where one fails.
 */
const PROOFS: readonly Proof[] = [
  fiveSidecars,
  paused,
  cutOff,
  lateAnswers,
  history,
  coldLookups,
  noSecrets,
  randomKeys,
  streams,
  failover,
];

/** The same with a key service that somebody else could have written. */
const WITH_THE_EXAMPLE: readonly Proof[] = [fiveSidecars, paused, lateAnswers, streams].map((proof) => ({
  name: `${proof.name}-own`,
  onlyInFull: proof !== paused,
  run: (stage, findings) => proof.run({ ...stage, keyService: 'example' }, findings),
}));

// Whatever hangs on is no reason to stay.
process.exit(await runProofs('revocation-proof', [...PROOFS, ...WITH_THE_EXAMPLE]));
