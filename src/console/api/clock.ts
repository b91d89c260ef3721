let aheadMs = 0;

/** The key service's clock, as it was when it last said: what ends is judged by that one, not by this computer's. */
export function setClock(now: string): void {
  aheadMs = Date.parse(now) - Date.now();
}

export function serviceNow(): number {
  return Date.now() + aheadMs;
}
