import { digestOf, Secret } from '../../src/core/secret.ts';
import { KeyServiceClient } from '../../src/proxy/keys/service-client.ts';

/** A program of its own, since which authorities a process trusts is settled when it starts: asks and prints the answer. */
const client = new KeyServiceClient({
  service: { origin: process.argv[2] ?? '', basePath: '', token: new Secret('a token') },
  // Time enough for a process that has just started.
  deadlinesMs: { resolve: 10_000, renew: 10_000, report: 10_000 },
});
try {
  const { asOf } = await client.resolve(digestOf('a key'), new AbortController().signal);
  process.stdout.write(`as of ${asOf}`);
} catch (error) {
  process.stdout.write(error instanceof Error ? error.message : 'unknown');
}
await client.close();
