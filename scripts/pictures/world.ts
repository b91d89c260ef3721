import type { ConsoleStage } from '../../test/browser/console-stage.ts';

/** What the pictures show: owners with keys, and people who use them. No name of it is anybody's. */
export const TIERS = {
  plexe: {
    basic: ['60/minute'],
    pro: ['600/minute', '40 concurrent', 'shadow 240/minute'],
    enterprise: 'unlimited',
  },
  standard: { default: 'unlimited' },
};

interface Member {
  readonly owner: string;
  readonly tier: string;
  readonly keys: readonly (readonly [name: string, permission: string])[];
  /** Requests per second of all keys together, on average. */
  readonly rate: number;
}

const MEMBERS: readonly Member[] = [
  {
    owner: 'northwind',
    tier: 'pro',
    rate: 8,
    keys: [
      ['Payments, production', 'read_write'],
      ['Payments, staging', 'read_write'],
      ['Monthly report', 'read_only'],
    ],
  },
  {
    owner: 'harbor-labs',
    tier: 'enterprise',
    rate: 14,
    keys: [
      ['Training pipeline', 'read_write'],
      ['Notebook of the team', 'read_only'],
    ],
  },
  { owner: 'tiny-shop', tier: 'basic', rate: 1.6, keys: [['Shop search', 'read_only']] },
  {
    owner: 'atlas-maps',
    tier: 'pro',
    rate: 5,
    keys: [
      ['Tile renderer', 'read_only'],
      ['Import of roads', 'read_write'],
    ],
  },
];

export interface Key {
  readonly id: string;
  readonly key: string;
  readonly writes: boolean;
  readonly rate: number;
}

export async function settle(stage: ConsoleStage): Promise<Key[]> {
  const keys: Key[] = [];
  for (const { owner, tier, rate, keys: own } of MEMBERS) {
    await stage.admin('PUT', `owners/${owner}`, { profile: 'plexe', tier });
    for (const [name, permission] of own) {
      const made = await stage.admin('POST', 'keys', { owner, name, profile: 'plexe', permission });
      keys.push({
        id: String(made['key_id']),
        key: String(made['key']),
        writes: permission === 'read_write',
        rate: rate / own.length,
      });
    }
  }
  return keys;
}

/** Lets all of them ask, more and less by turns, until `stop` is called. */
export function bustle(stage: ConsoleStage, keys: readonly Key[]): { stop(): void } {
  const began = performance.now();
  const timer = setInterval(() => {
    const seconds = (performance.now() - began) / 1000;
    const tide = 1 + 0.5 * Math.sin(seconds / 14) + 0.25 * Math.sin(seconds / 3.7);
    for (const { key, rate, writes } of keys) {
      // Now and then somebody writes with a key that may only read.
      const method = Math.random() < (writes ? 0.4 : 0.03) ? 'POST' : 'GET';
      if (Math.random() < (rate * tide) / 10) void ask(stage, method, { 'x-api-key': key });
    }
    if (Math.random() < 0.06) void ask(stage, 'GET', {});
    if (Math.random() < 0.03) void ask(stage, 'GET', { 'x-api-key': 'of-nobody' });
  }, 100);
  return { stop: () => clearInterval(timer) };
}

async function ask(
  { gates }: ConsoleStage,
  method: 'GET' | 'POST',
  headers: Record<string, string>,
): Promise<void> {
  const gate = gates[Math.random() < 0.6 ? 0 : 1];
  try {
    const response = await fetch(`${gate}/plexe/models/42/infer`, { method, headers });
    await response.arrayBuffer();
  } catch {
    // It was under way when everything stopped.
  }
}
