import type { Clock } from '../core/clock.ts';
import type { Exchange } from './record.ts';
import { handshakeEndOf } from './request-trace.ts';
import type { Targets } from './targets.ts';
import type { Upgrade, UpgradeOutcome, Upgrader } from './upgrade.ts';

/** An upgrade at the first of the origins to which a connection comes about. */
export async function shakeHands(
  {
    upgrader,
    targets,
    clock,
  }: { readonly upgrader: Upgrader; readonly targets: Targets; readonly clock: Clock },
  origins: readonly string[],
  exchange: Exchange,
  upgrade: Omit<Upgrade, 'origin'>,
): Promise<UpgradeOutcome> {
  const tried: string[] = [];
  for (;;) {
    const origin = targets.pick(origins, tried);
    exchange.upstream = origin;
    const at = clock.monotonic();
    const hop = exchange.trace?.hop(origin, upgrade.headers, { at, repeats: tried.length });
    const headers = hop?.headers ?? upgrade.headers;
    const outcome = await upgrader.upgrade({ ...upgrade, headers, origin });
    hop?.end(handshakeEndOf(outcome), clock.monotonic());
    tried.push(origin);
    if (outcome.kind === 'opened' || outcome.kind === 'answered') targets.answered(origin);
    if (outcome.kind !== 'timeout' && outcome.kind !== 'unreachable') return outcome;
    targets.failed(origin, outcome.unsent);
    if (!outcome.unsent || tried.length >= origins.length || upgrade.socket.destroyed) return outcome;
  }
}
