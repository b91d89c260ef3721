import { later, refused } from './operation.ts';

/** What the endpoints of Plexe and PlexMCP have in common. */
export const OWN_KEY = "The public id of a key of the caller's owner.";
export const NO_KEY = refused('No key of the owner has this id.');
export const FORBIDDEN = refused("The caller's key may only read.");
export const UNSURE = later(
  'The key is revoked, but not every gate has confirmed it yet. Repeat the request.',
);
