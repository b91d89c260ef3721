/** What a server's clients present: a key that may do all, one that may only read, one whose limit is spent. */
export interface Keys {
  readonly good: string;
  readonly readOnly: string;
  readonly limited: string;
}

interface Named {
  readonly name: string;
  /** What stands over its table. */
  readonly title: string;
}

export interface HttpCase extends Named {
  readonly kind: 'http';
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly key: keyof Keys | 'unknown';
  readonly status: number;
  readonly connections: number;
  readonly bodyBytes: number;
  /** At half of what the server carried in the same round with this case; null: as fast as it can. */
  readonly halfOf: string | null;
}

export interface StreamCase extends Named {
  readonly kind: 'events' | 'echo';
  readonly path: string;
  readonly connections: number;
}

export type Case = HttpCase | StreamCase;

const GET: Omit<HttpCase, 'name' | 'title'> = {
  kind: 'http',
  method: 'GET',
  path: '/models',
  key: 'good',
  status: 200,
  connections: 32,
  bodyBytes: 0,
  halfOf: null,
};

export const MAIN_CASE = 'get-32';

export const CASES: readonly Case[] = [
  { ...GET, name: MAIN_CASE, title: 'GET, 128 bytes, 32 connections' },
  { ...GET, name: 'get-256', title: 'GET, 128 bytes, 256 connections', connections: 256 },
  {
    ...GET,
    name: 'half-load',
    title: 'GET, 128 bytes, at half of what the server carries at 32 connections',
    connections: 64,
    halfOf: MAIN_CASE,
  },
  { ...GET, name: 'large', title: 'GET, 100,000 bytes, 32 connections', path: '/large' },
  {
    ...GET,
    name: 'upload',
    title: 'POST of 1 MiB, 8 connections',
    method: 'POST',
    path: '/upload',
    bodyBytes: 2 ** 20,
    connections: 8,
  },
  {
    kind: 'events',
    name: 'events',
    title: 'Server-sent events, 100 streams of 100 events a second each',
    path: '/events',
    connections: 100,
  },
  {
    kind: 'echo',
    name: 'echo',
    title: 'WebSocket, 100 bytes there and back, 32 connections',
    path: '/echo',
    connections: 32,
  },
  { ...GET, name: '401', title: '401: a key that does not exist', key: 'unknown', status: 401 },
  {
    ...GET,
    name: '403',
    title: '403: a POST with a key that may only read',
    method: 'POST',
    key: 'readOnly',
    status: 403,
  },
  { ...GET, name: '429', title: '429: a key whose limit is spent', key: 'limited', status: 429 },
];

/** The same for servers that keep no keys. */
export const UNKNOWN_KEY = 'nobody-was-ever-given-this';
