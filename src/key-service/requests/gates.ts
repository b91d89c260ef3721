import { z } from 'zod';
import type { Renewal } from '../../core/wire.ts';
import { reader, type RequestReader } from './reader.ts';

// Gates and key services are replaced one by one: what a later gate says beside these fields is ignored.
export const resolveBody = z.object({
  digest: z.string().meta({
    description: "SHA-256 over the key's bytes, as 64 lower-case hex digits. The key itself never travels.",
    pattern: '^[0-9a-f]{64}$',
  }),
});

export const renewBody = z.object({
  epoch: z.string().max(128).nullish().meta({
    description: 'The `epoch` of the last grant, which `applied` counts in; null before the first.',
  }),
  applied: z.int().nonnegative().meta({
    description: 'The gate has applied all changes up to this number, which acknowledges them. 0 at first.',
  }),
  stale_if_error: z.int().nonnegative().max(86_400_000).meta({
    description: 'How many milliseconds the gate may go on by what Redis confirms; 0 without Redis.',
  }),
  leaving: z.boolean().optional().meta({
    description: 'The gate stops and serves nothing from here on: it need not be waited for any more.',
    default: false,
  }),
});

export const readResolveBody: RequestReader<{ digest: string }> = reader(resolveBody, (body) => body);

export const readRenewBody: RequestReader<Renewal> = reader(renewBody, (body) => ({
  epoch: body.epoch ?? null,
  applied: body.applied,
  staleIfErrorMs: body.stale_if_error,
  leaving: body.leaving ?? false,
}));
