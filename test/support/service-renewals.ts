import type { Clock } from '../../src/core/clock.ts';
import type { Grant, News, Renewal, Renewals } from '../../src/core/wire.ts';
import type { KeyService } from '../../src/key-service/keys.ts';

export class ServiceRenewals implements Renewals {
  readonly #service: KeyService;
  readonly #clock: Clock;
  constructor(service: KeyService, clock: Clock) {
    this.#service = service;
    this.#clock = clock;
  }
  async renew(_member: string, { applied }: Renewal): Promise<Grant> {
    const [head, kept] = [await this.#service.head(), await this.#service.keptChanges()];
    const changes = kept.filter(({ number }) => number > applied && number <= head);
    return { epoch: 'e', head, changes, fenceMs: 2000, now: this.#clock.now(), redisRun: null };
  }
  readonly onNews: News = (listener) => this.#service.subscribe(() => listener());
}
