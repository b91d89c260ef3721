import type { IncomingHttpHeaders } from 'node:http';

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

/**
 * Where the page is: the origin that the configuration names or, without one, this machine by any of its own names. A
 * request by another name is not for us: a page elsewhere may have had its name point here.
 */
export class PageOrigin {
  /** Null: any name of this machine, over plain HTTP. */
  readonly #named: URL | null;

  constructor(origin: string | null) {
    this.#named = origin === null ? null : new URL(origin);
  }

  get isSecure(): boolean {
    return this.#named?.protocol === 'https:';
  }

  isAskedFor({ host = '' }: IncomingHttpHeaders): boolean {
    if (this.#named !== null) return host.toLowerCase() === this.#named.host;
    const name = /^([^:[\]]+|\[[0-9a-f:]+\])(?::\d{1,5})?$/i.exec(host)?.[1];
    return name !== undefined && LOOPBACK.has(name.toLowerCase());
  }

  /**
   * Whether the page itself makes the call. Browsers say so by Sec-Fetch-Site where they trust the connection, and by
   * Origin with everything that is not GET; a call that says neither is not the page's.
   */
  isOwn(headers: IncomingHttpHeaders): boolean {
    const { host = '', origin } = headers;
    const site = headers['sec-fetch-site'];
    if (site !== undefined && site !== 'same-origin') return false;
    if (origin === undefined) return site === 'same-origin';
    return origin === (this.#named === null ? `http://${host}` : this.#named.origin);
  }

  /** What links begin with, where the server listens on `listening`. */
  urlOf(listening: string): string {
    return `${this.#named?.origin ?? listening}/console`;
  }
}
