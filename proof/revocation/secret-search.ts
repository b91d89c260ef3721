/** Shorter pieces of a secret are no secret, and turn up by chance. */
const PIECE = 16;
const RUN = /[0-9A-Za-z]{16,}/g;

/** Looks for secrets in what processes have left behind. */
export class SecretSearch {
  readonly #pieces = new Set<string>();

  /** Every piece of it counts as well. What stands before the last `_` is a prefix that everybody knows. */
  add(secret: string): void {
    const hidden = secret.slice(secret.lastIndexOf('_') + 1);
    for (let i = 0; i + PIECE <= hidden.length; i++) this.#pieces.add(hidden.slice(i, i + PIECE));
    // As another program may have written it down.
    for (const encoding of ['hex', 'base64'] as const) {
      const written = Buffer.from(hidden).toString(encoding);
      this.#pieces.add(written.slice(0, PIECE));
    }
  }

  /** How many places of a text hold a piece; read byte by byte. */
  count(text: string): number {
    let found = 0;
    for (const [run] of text.matchAll(RUN)) {
      for (let i = 0; i + PIECE <= run.length; i++) {
        if (!this.#pieces.has(run.slice(i, i + PIECE))) continue;
        found++;
        break;
      }
    }
    return found;
  }
}
