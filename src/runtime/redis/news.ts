import type { Seal } from '../../core/seal.ts';
import { openHead, sealHead } from './sealed-head.ts';

export const NEWS_CHANNEL = 'plexgate:news';

/** That there are changes up to `head`. It only makes members renew at once; what has changed they hear there. */
export interface RedisNews {
  readonly epoch: string;
  readonly head: number;
}

export function sealNews(seal: Seal, { epoch, head }: RedisNews): string {
  return sealHead(seal, 'news', { epoch, number: head });
}

/** Null where no holder of the service token has said it. */
export function openNews(seal: Seal, text: string): RedisNews | null {
  const news = openHead(seal, 'news', text);
  return news === null ? null : { epoch: news.epoch, head: news.number };
}
