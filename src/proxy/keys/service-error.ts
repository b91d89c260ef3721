/**
 * Why there is no answer of the key service to be used. It says nothing about any key, and its message, which holds
 * nothing that the other side has sent, may be logged.
 */
export class KeyServiceError extends Error {
  override readonly name = 'KeyServiceError';
  /** Of the answer; null where none came. */
  readonly status: number | null;

  constructor(status: number | null, what: string) {
    super(`the key service ${what}`);
    this.status = status;
  }
}
