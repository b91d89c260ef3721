import type { Seal } from '../../core/seal.ts';

/** Up to which change of which epoch something is known. */
export interface EpochHead {
  readonly epoch: string;
  readonly number: number;
}

const TEXT = /^(([^\s]{1,128}) (0|[1-9][0-9]{0,15})) ([^\s]+)$/;

/** `epoch number macs`: as text that others may see but not make. */
export function sealHead(seal: Seal, purpose: 'head' | 'news', { epoch, number }: EpochHead): string {
  const text = `${epoch} ${number}`;
  return `${text} ${seal.macOf(purpose, text)}`;
}

/** Null where no holder of the service token has written it. */
export function openHead(seal: Seal, purpose: 'head' | 'news', sealed: string): EpochHead | null {
  if (sealed.length > LONGEST) return null;
  const [, text = '', epoch = '', digits = '', macs = ''] = TEXT.exec(sealed) ?? [];
  if (!seal.isGenuine(purpose, text, macs)) return null;
  const number = Number(digits);
  return Number.isSafeInteger(number) ? { epoch, number } : null;
}

const LONGEST = 2048;
