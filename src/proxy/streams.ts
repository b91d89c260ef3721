import type { Clock } from '../core/clock.ts';
import type { Permit } from '../core/decision.ts';
import { standingOf, type KeyRecord } from '../core/key.ts';
import type { Digest } from '../core/secret.ts';
import type { KeyLookup } from './keys/lookup.ts';
import type { Place } from './routes.ts';

interface OpenStream {
  readonly digest: Digest;
  key: KeyRecord;
  /** Whether no change has touched the key since it was last looked at. */
  stands: () => boolean;
  readonly end: () => void;
}

/**
 * Streams (WebSockets, server-sent events) outlive the request that opened them, so their keys are judged again and
 * again: one whose key is revoked, expired or gone, or whose owner is disabled, is ended at the next sweep.
 */
export class OpenStreams {
  readonly #keys: KeyLookup;
  readonly #clock: Clock;
  readonly #open = new Set<OpenStream>();

  constructor(keys: KeyLookup, clock: Clock) {
    this.#keys = keys;
    this.#clock = clock;
  }

  /** Watches a stream until the returned function is called. `end` is called once at most. Open routes have no key. */
  watch({ key, credential, stands }: Permit<Place>, end: () => void): () => void {
    if (key === null || credential === null) return () => undefined;
    const stream: OpenStream = { digest: credential.secret.digest(), key, stands, end };
    this.#open.add(stream);
    return () => void this.#open.delete(stream);
  }

  async sweep(): Promise<void> {
    await Promise.all([...this.#open].map((stream) => this.#judge(stream)));
  }

  async #judge(stream: OpenStream): Promise<void> {
    if (!stream.stands() && !(await this.#isKnownAgain(stream))) return;
    if (standingOf(stream.key, this.#clock.now()) !== 'active') this.#end(stream);
  }

  /** Looks a changed key up again. False where that decided the stream already, or nobody could be asked yet. */
  async #isKnownAgain(stream: OpenStream): Promise<boolean> {
    const { digest } = stream;
    const lookup = this.#keys.cached(digest) ?? (await this.#keys.ask(digest));
    if (lookup.kind === 'unknown') this.#end(stream);
    if (lookup.kind !== 'found') return false;
    const { record, asOf } = lookup;
    stream.key = record;
    stream.stands = () => this.#keys.isCurrent(digest, record, asOf);
    return true;
  }

  #end(stream: OpenStream): void {
    if (this.#open.delete(stream)) stream.end();
  }
}
