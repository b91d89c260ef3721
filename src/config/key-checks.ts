import { locate, type Tree } from './document.ts';
import { isLoopback } from './listen-address.ts';
import { describeValue, quote, writePath, type Finding, type Path } from './mistake.ts';
import { finding, has, indexesAt, textAt, valueAt } from './places.ts';
import { isPostgres } from './store-url.ts';

const KEY_SERVICE: Path = ['keyService'];
const SERVICE: Path = ['proxy', 'keys', 'service'];
const KEYS_FILE: Path = ['proxy', 'keys', 'file'];

/** Where keys come from, and what follows from it. */
export function keyChecks(root: Tree): Finding[] {
  return [
    ...needsKeys(root),
    ...managementRoutes(root),
    ...oneSourceOfKeys(root),
    ...secretsBesidePostgres(root),
    ...unknownPepper(root),
    ...consoleWithoutOrigin(root),
  ];
}

/** A gate has one source of keys: with two, a revocation at the one would say nothing of the other. */
function oneSourceOfKeys(root: Tree): Finding[] {
  const [first, ...others] = [KEY_SERVICE, SERVICE, KEYS_FILE].filter((source) => has(root, source));
  if (first === undefined) return [];
  const what = `found beside ${writePath(first)}; allowed: one of the two, since a gate has one source of keys`;
  return others.map((source) => finding(root, source, what));
}

/** The route and its rules. */
function placesOf(root: Tree, route: Path): Path[] {
  const rules: Path = [...route, 'rules'];
  return [route, ...indexesAt(root, rules).map((rule) => [...rules, rule])];
}

function routesIn(root: Tree): Path[] {
  return indexesAt(root, ['proxy', 'routes']).map((index) => ['proxy', 'routes', index]);
}

/** Where nothing has keys, that is said once, at the first route that needs them. */
function needsKeys(root: Tree): Finding[] {
  if ([KEY_SERVICE, SERVICE, KEYS_FILE].some((source) => has(root, source))) return [];
  for (const route of routesIn(root)) {
    const closed = placesOf(root, route).find((place) => {
      const auth = valueAt(root, [...place, 'auth']);
      return auth === 'required' || (auth === undefined && place === route);
    });
    if (closed === undefined) continue;
    const what =
      'found a route that needs keys, but none of proxy.keys.service, proxy.keys.file and keyService; allowed: auth: none, or one of the three';
    return [finding(root, [...closed, 'auth'], what)];
  }
  return [];
}

/** The key service answers for the caller the gate names, so there has to be one, and the gate has to know the caller. */
function managementRoutes(root: Tree): Finding[] {
  const findings: Finding[] = [];
  for (const route of routesIn(root)) {
    const written = valueAt(root, [...route, 'upstream']);
    if (written !== 'key-service' && !(Array.isArray(written) && written[0] === 'key-service')) continue;
    if (!has(root, KEY_SERVICE) && !has(root, SERVICE)) {
      const what =
        'found key-service, but neither proxy.keys.service nor keyService; allowed: key-service with one of the two';
      findings.push(finding(root, [...route, 'upstream'], what));
    }
    for (const place of placesOf(root, route)) {
      if (valueAt(root, [...place, 'auth']) !== 'none') continue;
      const what = 'found none on a route to key-service; allowed: required';
      findings.push(finding(root, [...place, 'auth'], what));
    }
    if ((valueAt(root, [...route, 'credential']) ?? 'strip') === 'strip') continue;
    const what = 'found another credential than strip on a route to key-service; allowed: strip';
    findings.push(finding(root, [...route, 'credential'], what));
  }
  return findings;
}

/** Several processes share a PostgreSQL store, and secrets that each made for itself would differ. */
function secretsBesidePostgres(root: Tree): Finding[] {
  if (!isPostgres(textAt(root, [...KEY_SERVICE, 'store']) ?? '')) return [];
  return ['serviceToken', 'adminToken', 'peppers']
    .filter((name) => !has(root, [...KEY_SERVICE, name]))
    .map((name) =>
      finding(
        root,
        [...KEY_SERVICE, name],
        'missing; allowed: given in the file, since beside a PostgreSQL store there is no folder to keep made ones in',
      ),
    );
}

/** Where other machines reach it, sessions have to be those of one name, over TLS. */
function consoleWithoutOrigin(root: Tree): Finding[] {
  const path: Path = [...KEY_SERVICE, 'console'];
  const host = textAt(root, [...KEY_SERVICE, 'host']);
  const isOn = has(root, path) && textAt(root, path) === null && valueAt(root, path) !== null;
  if (!isOn || host === null || isLoopback(host) || has(root, [...path, 'origin'])) return [];
  const what =
    'missing; allowed: where people find the console, since the key service listens beyond loopback, such as https://keys.example.com';
  return [finding(root, [...path, 'origin'], what)];
}

const PEPPER_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/;

function unknownPepper(root: Tree): Finding[] {
  const path: Path = [...KEY_SERVICE, 'peppers'];
  const names = [...locate(root, path).tree.fields.keys()].map(String).filter((name) => name !== 'current');
  if (valueAt(root, path) === undefined) return [];
  const findings = names
    .filter((name) => !PEPPER_NAME.test(name))
    .map((name) =>
      finding(
        root,
        [...path, name],
        `found the name ${quote(name)}; allowed: a name of 1 to 32 letters, digits, "_" and "-"`,
      ),
    );
  const current = valueAt(root, [...path, 'current']);
  if (typeof current !== 'string' || current === '' || names.includes(current)) return findings;
  const { interpolated } = locate(root, [...path, 'current']).tree;
  const allowed = names.length === 0 ? 'a pepper beside it, such as p1' : names.map(quote).join(', ');
  return [
    ...findings,
    finding(root, [...path, 'current'], `found ${describeValue(current, interpolated)}; allowed: ${allowed}`),
  ];
}
