import type { RefusalText } from './dialect.ts';
import type { Seal } from './seal.ts';

/** How long a refusal can be rendered after it was decided. The proxy asks at once. */
const GOOD_FOR_MS = 10_000;
const LONGEST = 16_384;
const FORM = /^(\d{1,15})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_.-]+)$/;

/**
 * A refusal as a text for a proxy that keeps nothing of an answer but a header: who holds the seal makes the same
 * answer of it again, and nobody else can make one. It tells no more than the refused client is told anyway.
 */
export function signRefusal(refusal: RefusalText, seal: Seal, now: number): string {
  const { status, headers, body } = refusal;
  const payload = Buffer.from(JSON.stringify([status, headers, body])).toString('base64url');
  const text = `${now + GOOD_FOR_MS}.${payload}`;
  return `${text}.${seal.macOf('refusal', text)}`;
}

/** The refusal in a signed text; null: it is forged, too old, or none. */
export function openRefusal(signed: string, seal: Seal, now: number): RefusalText | null {
  if (signed.length > LONGEST) return null;
  const [, until = '', payload = '', macs = ''] = FORM.exec(signed) ?? [];
  if (payload === '' || !seal.isGenuine('refusal', `${until}.${payload}`, macs)) return null;
  // Clocks of two gates may differ; one from far ahead is as little worth as one from long ago.
  if (Number(until) < now || Number(until) > now + 2 * GOOD_FOR_MS) return null;
  return refusalOf(Buffer.from(payload, 'base64url').toString());
}

/** What was signed by another release of the gate may have another form. */
function refusalOf(json: string): RefusalText | null {
  const read: unknown = JSON.parse(json);
  if (!Array.isArray(read)) return null;
  const [status, headers, body] = read as unknown[];
  const isStatus = typeof status === 'number' && Number.isInteger(status) && status >= 400 && status <= 599;
  const areHeaders = Array.isArray(headers) && headers.every((part) => typeof part === 'string');
  return isStatus && areHeaders && typeof body === 'string' ? { status, headers, body } : null;
}
