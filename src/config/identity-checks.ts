import { ASSERTION_ALGORITHMS, readAssertionKey, type AssertionAlgorithm } from '../core/assertion-key.ts';
import { ASSERTION_HEADER, isSameHeader } from '../core/forward-headers.ts';
import type { Tree } from './document.ts';
import type { Finding, Path } from './mistake.ts';
import { finding, has, indexesAt, textAt, valueAt } from './places.ts';

const IDENTITY: Path = ['proxy', 'identity'];
const KEYS: Path = [...IDENTITY, 'keys'];

/** What is signed, with what, and for whom. */
export function identityChecks(root: Tree): Finding[] {
  return [...keysOfTheAlgorithm(root), ...audiences(root), ...headerOfACredential(root)];
}

function algorithmIn(root: Tree): AssertionAlgorithm | null {
  const path: Path = [...IDENTITY, 'algorithm'];
  if (!has(root, path)) return 'EdDSA';
  return ASSERTION_ALGORITHMS.find((algorithm) => algorithm === valueAt(root, path)) ?? null;
}

function keysOfTheAlgorithm(root: Tree): Finding[] {
  const algorithm = algorithmIn(root);
  if (algorithm === null) return [];
  const findings: Finding[] = [];
  const first = new Map<string, number>();
  for (const index of indexesAt(root, KEYS)) {
    const path = [...KEYS, index];
    const text = textAt(root, path);
    if (text === null || text === '') continue;
    const key = readAssertionKey(algorithm, text);
    if (key.kind === 'problem') {
      findings.push(finding(root, path, `found ${key.found}; allowed: ${key.allowed}`));
      continue;
    }
    if (key.kind === 'HS256') {
      const what =
        'found a further key; allowed: one with HS256, since nothing is done with others: the upstream accepts the next secret before it stands here';
      if (index > 0) findings.push(finding(root, path, what));
      continue;
    }
    const { kid } = key.jwk;
    const earlier = first.get(kid);
    if (index === 0 && key.signs === null) {
      findings.push(finding(root, path, 'found a public key; allowed: a private one, since the first signs'));
    } else if (earlier !== undefined) {
      findings.push(
        finding(root, path, `found the key of proxy.identity.keys[${earlier}]; allowed: each once`),
      );
    }
    if (earlier === undefined) first.set(kid, index);
  }
  return findings;
}

function routesIn(root: Tree): Path[] {
  return indexesAt(root, ['proxy', 'routes']).map((index) => ['proxy', 'routes', index]);
}

function audiences(root: Tree): Finding[] {
  return routesIn(root).flatMap((route) => {
    const path = [...route, 'audience'];
    if (!has(root, path)) return [];
    if (!has(root, IDENTITY)) {
      const what = 'found an audience, but no proxy.identity; allowed: an audience with keys to sign with';
      return [finding(root, path, what)];
    }
    const upstream = valueAt(root, [...route, 'upstream']);
    if (upstream !== 'key-service' && !(Array.isArray(upstream) && upstream[0] === 'key-service')) return [];
    const what = 'found on a route to key-service, which believes the service token; allowed: other routes';
    return [finding(root, path, what)];
  });
}

/** The upstream would get two lines of one name, of which one is a credential. */
function headerOfACredential(root: Tree): Finding[] {
  if (!has(root, IDENTITY)) return [];
  const header = textAt(root, [...IDENTITY, 'header']) ?? ASSERTION_HEADER;
  return routesIn(root).flatMap((route) => {
    const path = [...route, 'credential', 'header'];
    if (!isSameHeader(textAt(root, path) ?? '', header)) return [];
    return [finding(root, path, 'found the header of proxy.identity; allowed: another one')];
  });
}
