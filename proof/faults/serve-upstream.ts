import { startUpstream } from '../revocation/upstream.ts';

/** The upstream of the proofs, on the port that the command line names, until the process ends. */
await startUpstream({ atEnd: () => undefined }, Number(process.argv[2]));
