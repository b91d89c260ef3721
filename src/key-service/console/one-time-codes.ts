import { createHmac, timingSafeEqual } from 'node:crypto';

/** What every authenticator does by itself: RFC 6238 with SHA-1, six digits, a new one every 30 seconds. */
const STEP_MS = 30_000;
const DIGITS = 6;
/** Clocks of phones are a little off: the code before and the one after are taken, too. */
const DRIFT = 1;
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** 160 bits, as RFC 4226 recommends. */
export const CODE_SECRET_BYTES = 20;

/** RFC 4226. */
export function codeAt(secret: Uint8Array, counter: number): string {
  const message = Buffer.alloc(8);
  message.writeBigUInt64BE(BigInt(counter));
  const mac = createHmac('sha1', secret).update(message).digest();
  const number = mac.readUInt32BE((mac.at(-1) ?? 0) & 15) & 0x7fffffff;
  return String(number % 10 ** DIGITS).padStart(DIGITS, '0');
}

export function counterAt(now: number): number {
  return Math.floor(now / STEP_MS);
}

/** The counter that the code belongs to, near `now`; null: none. Every candidate is computed and compared in any case. */
export function counterOf(secret: Uint8Array, code: string, now: number): number | null {
  const given = Buffer.alloc(DIGITS);
  given.write(code, 'latin1');
  let found: number | null = null;
  for (let drift = -DRIFT; drift <= DRIFT; drift++) {
    const counter = Math.max(0, counterAt(now) + drift);
    if (timingSafeEqual(Buffer.from(codeAt(secret, counter)), given)) found = counter;
  }
  return /^\d{6}$/.test(code) ? found : null;
}

/** RFC 4648, without padding, for people who type it. */
export function base32(bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');
  const groups = bits.match(/.{1,5}/g) ?? [];
  return groups.map((group) => BASE32[Number.parseInt(group.padEnd(5, '0'), 2)]).join('');
}

/** For a QR code. */
export function enrolmentUri(secret: Uint8Array, email: string | null): string {
  const label = email === null ? 'Plexgate' : `Plexgate:${email}`;
  return `otpauth://totp/${encodeURIComponent(label)}?secret=${base32(secret)}&issuer=Plexgate`;
}
