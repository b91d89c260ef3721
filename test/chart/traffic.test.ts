import { describe, expect, it } from 'vitest';
import { podOf } from './pods.ts';
import { manifestsOf, VALUE_SETS } from './renders.ts';

interface Rule {
  readonly ports?: readonly { readonly protocol: string; readonly port: number }[];
  readonly from?: readonly unknown[];
  readonly to?: readonly unknown[];
}
interface Policy {
  readonly podSelector: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly policyTypes: readonly string[];
  readonly ingress: readonly Rule[];
  readonly egress?: readonly Rule[];
}

async function specOf<T>(set: string, kind: string, name: string): Promise<T> {
  const found = (await manifestsOf(set)).find((one) => one.kind === kind && one.metadata.name === name);
  if (found === undefined) throw new Error(`${set} has no ${kind} ${name}`);
  return found.spec as T;
}

function portsOf(rules: readonly Rule[] = []): readonly (readonly number[])[] {
  return rules.map(({ ports = [] }) => [...new Set(ports.map(({ port }) => port))]);
}

describe.each(VALUE_SETS)('in %s', (set) => {
  it('every Service and policy names ports as numbers', async () => {
    const manifests = await manifestsOf(set);
    for (const { spec } of manifests.filter(({ kind }) => kind === 'Service')) {
      const { ports } = spec as { ports: readonly { targetPort: unknown }[] };
      for (const { targetPort } of ports) expect(targetPort).toEqual(expect.any(Number));
    }
    for (const { spec } of manifests.filter(({ kind }) => kind === 'NetworkPolicy')) {
      const { ingress, egress = [] } = spec as Policy;
      for (const ports of portsOf([...ingress, ...egress])) {
        for (const port of ports) expect(port).toEqual(expect.any(Number));
      }
    }
  });

  it('every Service leads to a port that pods have', async () => {
    const manifests = await manifestsOf(set);
    const open = manifests.flatMap((one) => podOf(one)?.containers ?? []).flatMap(({ ports = [] }) => ports);
    for (const { spec } of manifests.filter(({ kind }) => kind === 'Service')) {
      const { ports } = spec as { ports: readonly { targetPort: number }[] };
      for (const { targetPort } of ports) {
        expect(open.map(({ containerPort }) => containerPort)).toContain(targetPort);
      }
    }
  });
});

describe('the network policy', () => {
  it('of a gate lets it reach names, upstreams, the key service and Redis, and nothing else', async () => {
    const policy = await specOf<Policy>('networkpolicy', 'NetworkPolicy', 'demo-plexgate');
    expect(policy.policyTypes).toEqual(['Ingress', 'Egress']);
    expect(portsOf(policy.ingress)).toEqual([[8080], [9090], [8080]]);
    expect(policy.ingress[0]?.from).toEqual([
      { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'ingress' } } },
      { podSelector: { matchLabels: expect.objectContaining({ 'app.kubernetes.io/component': 'test' }) } },
    ]);
    expect(portsOf(policy.egress)).toEqual([[53], [80, 443, 8443], [8081], [6379], []]);
    expect(policy.egress?.[0]?.ports?.map(({ protocol }) => protocol)).toEqual(['UDP', 'TCP']);
    expect(policy.egress?.[2]?.to).toEqual([
      {
        podSelector: {
          matchLabels: expect.objectContaining({ 'app.kubernetes.io/component': 'key-service' }),
        },
      },
    ]);
  });

  it('of a key service lets gates in, and out to PostgreSQL and Redis', async () => {
    const policy = await specOf<Policy>('networkpolicy', 'NetworkPolicy', 'demo-plexgate-key-service');
    expect(portsOf(policy.ingress)).toEqual([[8081], [9090]]);
    expect(policy.ingress[0]?.from).toHaveLength(2);
    expect(portsOf(policy.egress)).toEqual([[53], [5432], [6379]]);
    expect(policy.egress?.[1]?.to).toEqual([{ ipBlock: { cidr: '10.2.0.0/16' } }]);
  });

  it("of pods with a sidecar closes every port but the gate's, and leaves to the service what it sends", async () => {
    const policy = await specOf<Policy>('sidecar-native', 'NetworkPolicy', 'demo-plexgate');
    expect(policy.podSelector.matchLabels).toEqual({ 'plexgate-sidecar': 'demo-plexgate' });
    expect(policy.policyTypes).toEqual(['Ingress']);
    expect(portsOf(policy.ingress)).toEqual([[8080], [9090]]);
    expect(policy).not.toHaveProperty('egress');
  });

  it.each([
    ['redis-tls', [6380]],
    ['redis-sentinel', [26_379, 6379]],
    ['redis-cluster', [6379]],
  ])('of %s names the ports of its Redis', async (set, ports) => {
    const policy = await specOf<Policy>(set, 'NetworkPolicy', 'demo-plexgate');
    expect(portsOf(policy.egress).at(-1)).toEqual(ports);
  });
});

describe('from outside', () => {
  it("an Ingress leads to the gate's Service", async () => {
    const { rules } = await specOf<{ rules: { http: { paths: object[] } }[] }>(
      'ingress',
      'Ingress',
      'demo-plexgate',
    );
    const backend = { service: { name: 'demo-plexgate', port: { number: 80 } } };
    expect(rules.flatMap(({ http }) => http.paths)).toEqual([
      { path: '/', pathType: 'Prefix', backend },
      { path: '/files', pathType: 'Exact', backend },
      { path: '/more', pathType: 'Prefix', backend },
    ]);
  });

  it('a route of the Gateway API leads there, too', async () => {
    const { rules } = await specOf<{ rules: object[] }>('gateway-api', 'HTTPRoute', 'demo-plexgate');
    expect(rules).toMatchObject([{ backendRefs: [{ name: 'demo-plexgate', port: 80 }] }]);
  });

  it('a Service has what load balancers and two address families need', async () => {
    expect(await specOf('everything', 'Service', 'front')).toMatchObject({
      type: 'LoadBalancer',
      loadBalancerClass: 'example.com/lb',
      ports: [{ port: 8080, targetPort: 8080, appProtocol: 'http' }],
    });
    expect(await specOf('ingress', 'Service', 'demo-plexgate')).toMatchObject({
      type: 'NodePort',
      ipFamilyPolicy: 'PreferDualStack',
      ipFamilies: ['IPv6', 'IPv4'],
      ports: [{ nodePort: 30_080 }],
    });
  });
});
