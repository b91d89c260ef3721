import type { JSX } from 'preact';
import type { Place } from '../../routes.ts';
import { KeyDetail } from './key-detail.tsx';
import { KeyList } from './key-list.tsx';

export function Keys({ place }: { readonly place: Place }): JSX.Element {
  return place.id === null ? <KeyList place={place} /> : <KeyDetail id={place.id} />;
}
