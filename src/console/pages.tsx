import type { ComponentType } from 'preact';
import type { Role } from '../key-service/console/wire.ts';
import { Fleet } from './pages/fleet.tsx';
import { Keys } from './pages/keys/keys.tsx';
import { Operators } from './pages/operators/operators.tsx';
import { Refusals } from './pages/refusals/refusals.tsx';
import { Traffic } from './pages/traffic.tsx';
import { WhatIf } from './pages/what-if.tsx';
import type { IconName } from './parts/icon.tsx';
import type { Place } from './routes.ts';

export interface Page {
  readonly name: string;
  readonly title: string;
  readonly icon: IconName;
  readonly role: Role;
  /** An id in the place is a page of its own, not something opened on it. */
  readonly deep?: boolean;
  readonly content: ComponentType<{ readonly place: Place }>;
}

/** The first is where one begins. */
export const PAGES: readonly Page[] = [
  { name: 'keys', title: 'Keys', icon: 'keys', role: 'viewer', deep: true, content: Keys },
  { name: 'traffic', title: 'Traffic', icon: 'traffic', role: 'viewer', content: Traffic },
  { name: 'refusals', title: 'Refusals', icon: 'refusals', role: 'viewer', content: Refusals },
  { name: 'fleet', title: 'Fleet', icon: 'fleet', role: 'viewer', content: Fleet },
  { name: 'what-if', title: 'What if', icon: 'what-if', role: 'viewer', content: WhatIf },
  { name: 'operators', title: 'Operators', icon: 'operators', role: 'admin', content: Operators },
];
