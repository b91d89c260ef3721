/**
 * The cookie of a session. Over TLS its name begins with `__Host-`: a browser takes that only from this very host, so
 * that no neighbour's page and no one in between can put another session in its place.
 */
export class SessionCookie {
  readonly #name: string;
  readonly #attributes: string;

  constructor(isSecure: boolean) {
    this.#name = isSecure ? '__Host-plexgate' : 'plexgate-console';
    const path = isSecure ? 'Path=/; Secure' : 'Path=/console';
    this.#attributes = `${path}; HttpOnly; SameSite=Strict`;
  }

  /** Null where there is none, or two: one of them is somebody else's. */
  read(header: string | undefined): string | null {
    const found = (header ?? '')
      .split(';')
      .map((pair) => pair.trim())
      .filter((pair) => pair.startsWith(`${this.#name}=`));
    const token = found.length === 1 ? (found[0] ?? '').slice(this.#name.length + 1) : '';
    return /^[A-Za-z0-9_-]{43}$/.test(token) ? token : null;
  }

  set(token: string): string {
    return `${this.#name}=${token}; ${this.#attributes}`;
  }

  clear(): string {
    return `${this.#name}=; ${this.#attributes}; Max-Age=0`;
  }
}
