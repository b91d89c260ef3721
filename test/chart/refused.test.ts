import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CHART, helm } from './helm.ts';
import { template } from './renders.ts';

/** A set of values, what is changed in it, and what the message has to name. */
const REFUSED: readonly (readonly [what: string, set: string, change: string, message: RegExp])[] = [
  // By the schema.
  ['an unknown value', 'gateway', 'replicaCout=2', /replicaCout is not allowed/],
  ['an unknown value in a section', 'gateway', 'image.tags=1', /image: Additional property tags/],
  ['an unknown mode', 'gateway', 'mode=ambient', /mode: mode must be one of/],
  ['replicas in words', 'gateway', 'replicaCount=two', /replicaCount: Invalid type/],
  ['a port out of range', 'gateway', 'service.port=70000', /service\.port/],
  ['the tag latest', 'gateway', 'image.tag=latest', /image\.tag/],
  ['a digest of another form', 'gateway', 'image.digest=sha256:abc', /image\.digest/],
  ['an unknown pull policy', 'gateway', 'image.pullPolicy=Sometimes', /image\.pullPolicy/],
  [
    'both kinds of a budget',
    'gateway',
    'pdb.minAvailable=1,pdb.maxUnavailable=1',
    /pdb: Must validate one and only one/,
  ],
  [
    'a route without an upstream',
    'gateway',
    'config.proxy.routes[1].profile=plexe',
    /routes\.1: upstream is required/,
  ],
  ['a misspelt field of a route', 'gateway', 'config.proxy.routes[0].acces=read', /acces is not allowed/],
  [
    'an unknown profile',
    'gateway',
    'config.proxy.routes[0].profile=plex',
    /config\.proxy\.routes\.0\.profile/,
  ],
  ['a limit without a unit', 'gateway', 'config.proxy.failedAuthentication=10', /failedAuthentication/],
  ['a field that the chart writes', 'gateway', 'config.proxy.port=8080', /port is not allowed/],
  ['an unknown log level', 'gateway', 'config.logLevel=loud', /config\.logLevel/],
  ['a token with a space', 'smallest', 'secrets.serviceToken=two words', /secrets\.serviceToken/],
  [
    'a password in the URL of Redis',
    'gateway',
    'externalRedis.url=redis://:secret@redis',
    /externalRedis\.url/,
  ],
  ['a name that is none in Kubernetes', 'gateway', 'fullnameOverride=My_Gate', /fullnameOverride/],
  ['resources without requests', 'gateway', 'resources.requests=null', /resources: requests is required/],
  ['variables as a mapping', 'gateway', 'extraEnv.TZ=UTC', /extraEnv: Invalid type/],
  ['an unknown sidecar', 'sidecar-native', 'sidecar.native=maybe', /sidecar\.native/],
  // By what goes together.
  ['no routes', 'gateway', 'config.proxy.routes=null', /config\.proxy\.routes is missing/],
  ['no source of keys', 'gateway', 'keyService.enabled=false', /keys\.service\.url is missing/],
  [
    'two sources of keys',
    'keys-file',
    'keys.service.url=http://keys:8081',
    /keys\.service\.url is found beside keys\.file/,
  ],
  ['no token', 'gateway', 'secrets.existingSecret=', /secrets\.existingSecret is missing/],
  [
    'a token twice',
    'gateway',
    'secrets.serviceToken=token-in-clear',
    /secrets\.serviceToken is found beside/,
  ],
  [
    'no URL of the database',
    'everything',
    'keyService.database.url=',
    /keyService\.database\.url is missing/,
  ],
  ['no token of the admin API', 'everything', 'keyService.adminToken=', /keyService\.adminToken is missing/],
  ['no pepper', 'everything', 'keyService.pepper=', /keyService\.pepper is missing/],
  ['a pepper that is not there', 'existing-secret', 'keyService.currentPepper=p3', /currentPepper is p3/],
  [
    'two kinds of Redis',
    'redis-cluster',
    'externalRedis.url=redis://redis',
    /externalRedis\.url and externalRedis\.cluster/,
  ],
  ['Sentinels without a name', 'redis-sentinel', 'externalRedis.name=', /externalRedis\.name is missing/],
  [
    'a certificate without its key',
    'redis-tls',
    'externalRedis.tls.keyKey=',
    /tls\.certKey and externalRedis\.tls\.keyKey/,
  ],
  ['a user without a password', 'gateway', 'externalRedis.username=gate', /externalRedis\.username needs/],
  [
    'too little time to stop',
    'gateway',
    'terminationGracePeriodSeconds=20',
    /terminationGracePeriodSeconds is less than .* 35/,
  ],
  ['two ports that are one', 'gateway', 'containerPorts.admin=8080', /containerPorts\.admin/],
  ['fewer replicas than the least', 'hpa', 'autoscaling.maxReplicas=2', /autoscaling\.minReplicas is more/],
  ['an Ingress without hosts', 'gateway', 'ingress.enabled=true', /ingress\.hosts is missing/],
  ['a route without a gateway', 'gateway', 'httpRoute.enabled=true', /httpRoute\.parentRefs is missing/],
  [
    'an Ingress of a sidecar',
    'sidecar-native',
    'ingress.enabled=true',
    /ingress\.enabled is for mode: gateway/,
  ],
  ['nothing to run', 'key-service', 'keyService.enabled=false', /keyService\.enabled is false/],
  [
    'an alert that is none',
    'monitoring',
    'prometheusRule.alerts.Nothing.for=1m',
    /prometheusRule\.alerts has Nothing/,
  ],
];

describe('refused with a message that names it:', () => {
  it.each(REFUSED)('%s', async (_, set, change, message) => {
    const { code, stdout, stderr } = await template(set, '1.34', '--set', change);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(message);
  });

  it.each([
    ['a native sidecar', 'sidecar-native', '1.28', 'sidecar.native=true', /sidecar\.native .* 1\.29/],
    [
      'a traffic distribution',
      'gateway',
      '1.29',
      'service.trafficDistribution=PreferClose',
      /service\.trafficDistribution needs Kubernetes 1\.31/,
    ],
    ['the chart itself', 'gateway', '1.24', 'replicaCount=2', /requires kubeVersion/],
  ])('%s on a Kubernetes that is too old', async (_, set, version, change, message) => {
    const { code, stderr } = await template(set, version, '--set', change);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
  });

  it('the chart without any values, with what is missing', async () => {
    const { code, stderr } = await helm(['template', 'demo', CHART]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/keys\.service\.url is missing: say where the key service is/);
  });
});

const RENAMED = Array.from(
  /define "plexgate\.renamed"([\s\S]*?)toJson/
    .exec(readFileSync(join(CHART, 'templates/_checks.tpl'), 'utf8'))?.[1]
    ?.matchAll(/"([\w.]+)" "([\w.]+)"/g) ?? [],
  ([, old = '', now = '']) => [old, now] as const,
);

describe('values that have another name here', () => {
  it('are some', () => {
    expect(RENAMED.length).toBeGreaterThan(3);
  });

  it.each(RENAMED)('%s is refused with the name it has: %s', async (old, now) => {
    const { code, stderr } = await template('gateway', '1.34', '--set', `${old}=something`);
    expect(code).toBe(1);
    expect(stderr).toContain(`${old} is called ${now}`);
  });
});

describe('the templates', () => {
  const templates = readdirSync(join(CHART, 'templates'), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(?:yaml|tpl|txt)$/.test(file))
    .map((file) => [file, readFileSync(join(CHART, 'templates', file), 'utf8')] as const);

  it.each(templates)('%s makes nothing by chance, by the clock or by what a cluster holds', (_, text) => {
    expect(text).not.toMatch(
      /\b(?:rand\w+|lookup|gen(?:SelfSigned|CA|Signed|Private)\w*|now|uuidv4|htpasswd)\b/,
    );
  });

  it.each(templates)(
    '%s asks for no kind of API that a render without a cluster does not know',
    (_, text) => {
      expect(text).not.toMatch(/APIVersions/);
    },
  );
});
