import { createHmac } from 'node:crypto';

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const STEP_MS = 30_000;

/** What an operator has on a phone: codes of a secret (RFC 6238), each given out once. */
export class Authenticator {
  readonly #secret: Buffer;
  #last = 0;

  constructor(secret: string) {
    const bits = Array.from(secret, (letter) => BASE32.indexOf(letter).toString(2).padStart(5, '0')).join('');
    const bytes = bits.match(/.{8}/g) ?? [];
    this.#secret = Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2)));
  }

  /**
   * The next code that was not given out before. A key service takes that of the step before and after its own, too; so
   * three sign-ins in a row need no wait, and the fourth one does.
   */
  async next(): Promise<string> {
    const current = Math.floor(Date.now() / STEP_MS);
    const step = Math.max(this.#last + 1, current - 1);
    const early = (step - 1) * STEP_MS - Date.now();
    if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
    this.#last = step;
    return this.#codeOf(step);
  }

  #codeOf(step: number): string {
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(step));
    const digest = createHmac('sha1', this.#secret).update(counter).digest();
    const number = digest.readUInt32BE((digest.at(-1) ?? 0) & 0x0f) & 0x7fffffff;
    return String(number % 1_000_000).padStart(6, '0');
  }
}
