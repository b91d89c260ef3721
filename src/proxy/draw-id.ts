import { randomFillSync } from 'node:crypto';

const ID_BYTES = 13;
/** Drawn for many ids at once, since each draw costs more than the bytes. */
const random = Buffer.alloc(ID_BYTES * 256);
let used = random.length;

/** 26 upper-case hex digits that nobody can guess. */
export function drawId(): string {
  if (used === random.length) {
    randomFillSync(random);
    used = 0;
  }
  const from = used;
  used += ID_BYTES;
  return random.toString('hex', from, used).toUpperCase();
}
