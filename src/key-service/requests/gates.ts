import { z } from 'zod';
import type { Renewal } from '../../core/wire.ts';
import { reader, type RequestReader } from './reader.ts';

// Gates and key services are replaced one by one: what a later gate says beside these fields is ignored.
export const resolveBody = z.object({ digest: z.string() });

export const renewBody = z.object({
  epoch: z.string().max(128).nullish(),
  applied: z.int().nonnegative(),
  stale_if_error: z.int().nonnegative().max(86_400_000),
  leaving: z.boolean().optional(),
});

export const readResolveBody: RequestReader<{ digest: string }> = reader(resolveBody, (body) => body);

export const readRenewBody: RequestReader<Renewal> = reader(renewBody, (body) => ({
  epoch: body.epoch ?? null,
  applied: body.applied,
  staleIfErrorMs: body.stale_if_error,
  leaving: body.leaving ?? false,
}));
