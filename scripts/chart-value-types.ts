import { LOG_LEVELS } from '../src/config/config.ts';
import { PROFILES } from '../src/core/profile.ts';

export type Schema = Readonly<Record<string, unknown>>;

const flag = { type: 'boolean' };
const text = { type: 'string' };
const filled = { type: 'string', minLength: 1 };
const mapping = { type: 'object' };
const texts = { type: 'object', additionalProperties: { type: 'string' } };
const name = { type: 'string', pattern: '^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$', maxLength: 253 };
const secretKey = { type: 'string', pattern: '^[-._a-zA-Z0-9]+$' };
const secretKeyOrNone = { type: 'string', pattern: '^[-._a-zA-Z0-9]*$' };
const token = { type: 'string', pattern: '^([!-~]{8,512})?$' };
const address = { type: 'string', pattern: '^[^\\s/@]+:[1-9][0-9]{0,4}$' };
const port = { type: 'integer', minimum: 1, maximum: 65_535 };
const countOrPart = { type: ['integer', 'string', 'null'], minimum: 0, pattern: '^[0-9]{1,3}%$' };
const duration = { type: 'string', pattern: '^([0-9]+(ms|s|m|h|d))?$' };
const items = { type: 'array', items: { type: 'object' } };
const named = { type: 'array', items: { type: 'object', required: ['name'] } };
const networkPort = { type: 'array', items: port };

const whole = (minimum: number, maximum = 1_000_000): Schema => ({ type: 'integer', minimum, maximum });
const wholeOrNull = (minimum: number): Schema => ({ type: ['integer', 'null'], minimum });
const oneOf = (...words: readonly unknown[]): Schema => ({ enum: words });
const list = (of: Schema): Schema => ({ type: 'array', items: of });
const fields = (properties: Record<string, Schema>): Schema => ({
  type: 'object',
  properties,
  additionalProperties: false,
});

const quantities = { type: 'object', additionalProperties: { type: ['string', 'number'] } };
const resources = {
  ...fields({ requests: quantities, limits: quantities, claims: named }),
  // An autoscaler of the pod works by requests alone, and says nothing where a container has none.
  required: ['requests'],
};
const probeTimes = fields({
  initialDelaySeconds: whole(0),
  periodSeconds: whole(1),
  timeoutSeconds: whole(1),
  successThreshold: whole(1, 1),
  failureThreshold: whole(1),
});
const budget = {
  enabled: flag,
  maxUnavailable: countOrPart,
  minAvailable: countOrPart,
  unhealthyPodEvictionPolicy: oneOf('', 'AlwaysAllow', 'IfHealthyBudget'),
};
const pods = {
  podAnnotations: texts,
  podLabels: texts,
  nodeSelector: texts,
  tolerations: items,
  affinity: mapping,
  priorityClassName: text,
  topologySpreadConstraints: items,
  extraEnv: named,
  extraEnvFrom: items,
  extraVolumes: named,
  extraVolumeMounts: { type: 'array', items: { type: 'object', required: ['name', 'mountPath'] } },
};
const scraping = {
  enabled: flag,
  namespace: name,
  labels: texts,
  interval: { type: 'string', pattern: '^[0-9]+(ms|s|m|h)$' },
  scrapeTimeout: duration,
  relabelings: items,
  metricRelabelings: items,
};
const peers = { to: items, ports: networkPort };

/** A JSON Schema for every value of the chart; sections are nested. */
export const VALUE_TYPES: Schema = {
  global: mapping,
  enabled: flag,
  mode: oneOf('gateway', 'sidecar', 'key-service'),
  nameOverride: name,
  fullnameOverride: name,
  commonLabels: texts,
  commonAnnotations: texts,
  image: {
    registry: text,
    repository: filled,
    tag: { type: 'string', pattern: '^([\\w][\\w.-]{0,127})?$', not: { const: 'latest' } },
    digest: { type: 'string', pattern: '^(sha256:[0-9a-f]{64})?$' },
    pullPolicy: oneOf('Always', 'IfNotPresent', 'Never'),
    pullSecrets: { type: 'array', items: { type: ['string', 'object'] } },
  },
  config: {
    rolloutOnChange: flag,
    logLevel: oneOf(...LOG_LEVELS),
    listenHost: oneOf('0.0.0.0', '::'),
    proxy: { $ref: '#/definitions/proxy' },
    tracing: { $ref: '#/definitions/tracing' },
  },
  keys: {
    service: { url: { type: 'string', pattern: '^(https?://[^\\s@]+)?$' } },
    file: { existingSecret: name, key: secretKey },
  },
  secrets: {
    existingSecret: name,
    serviceToken: token,
    serviceTokenKey: secretKey,
    adminPortToken: token,
    adminPortTokenKey: secretKeyOrNone,
  },
  externalRedis: {
    // No password: what stands here is in a ConfigMap.
    url: { type: 'string', pattern: '^(rediss?://[^\\s@]+)?$' },
    sentinels: list(address),
    name: text,
    cluster: list(address),
    username: text,
    database: wholeOrNull(0),
    protocol: oneOf(2, 3),
    password: text,
    existingSecret: name,
    passwordKey: secretKeyOrNone,
    urlKey: secretKeyOrNone,
    tls: {
      enabled: flag,
      existingSecret: name,
      caKey: secretKeyOrNone,
      certKey: secretKeyOrNone,
      keyKey: secretKeyOrNone,
    },
  },
  containerPorts: { traffic: port, admin: port, keyService: port },
  replicaCount: whole(0, 1000),
  autoscaling: {
    enabled: flag,
    minReplicas: whole(1, 1000),
    maxReplicas: whole(1, 1000),
    targetCPUUtilizationPercentage: { type: ['integer', 'null'], minimum: 1 },
    metrics: items,
    behavior: mapping,
  },
  updateStrategy: { ...mapping, properties: { type: oneOf('RollingUpdate', 'Recreate') } },
  minReadySeconds: whole(0),
  revisionHistoryLimit: whole(0),
  pdb: budget,
  drain: { delaySeconds: whole(0, 3600), timeoutSeconds: whole(0, 3600) },
  terminationGracePeriodSeconds: wholeOrNull(1),
  resources,
  nodeOptions: text,
  uvThreadpoolSize: whole(1, 1024),
  tmp: {
    sizeLimit: { type: 'string', pattern: '^[0-9]+(\\.[0-9]+)?(Ki|Mi|Gi|k|M|G)?$' },
    medium: oneOf('', 'Memory'),
  },
  clusterPicksUser: flag,
  podSecurityContext: mapping,
  containerSecurityContext: mapping,
  probes: { startup: probeTimes, liveness: probeTimes, readiness: probeTimes },
  service: {
    type: oneOf('ClusterIP', 'NodePort', 'LoadBalancer'),
    port,
    nodePort: { type: ['integer', 'null'], minimum: 1, maximum: 65_535 },
    annotations: texts,
    labels: texts,
    appProtocol: text,
    ipFamilyPolicy: oneOf('', 'SingleStack', 'PreferDualStack', 'RequireDualStack'),
    ipFamilies: list(oneOf('IPv4', 'IPv6')),
    loadBalancerClass: text,
    loadBalancerSourceRanges: list(text),
    externalTrafficPolicy: oneOf('', 'Cluster', 'Local'),
    trafficDistribution: oneOf('', 'PreferClose', 'PreferSameZone', 'PreferSameNode'),
  },
  ingress: {
    enabled: flag,
    className: text,
    annotations: texts,
    hosts: list({
      ...fields({ host: filled, paths: list(fields({ path: text, pathType: text })) }),
      required: ['host'],
    }),
    tls: items,
  },
  httpRoute: {
    enabled: flag,
    annotations: texts,
    parentRefs: named,
    hostnames: list(filled),
    matches: items,
    filters: items,
  },
  networkPolicy: {
    enabled: flag,
    trafficFrom: items,
    metricsFrom: items,
    dnsTo: items,
    redis: peers,
    database: peers,
    keyService: { to: items, from: items },
    upstream: peers,
    extraIngress: items,
    extraEgress: items,
  },
  serviceAccount: { create: flag, name, annotations: texts },
  ...pods,
  topologySpread: { enabled: flag, matchLabelKeys: flag },
  extraContainers: named,
  extraInitContainers: named,
  extraObjects: { type: 'array', items: { type: ['object', 'string'] } },
  sidecar: {
    native: oneOf('auto', true, false),
    containerName: { ...name, minLength: 1 },
    upstreamPort: port,
    profile: oneOf(...PROFILES),
    preStopSeconds: whole(0, 3600),
  },
  keyService: {
    enabled: flag,
    replicaCount: whole(0, 100),
    existingSecret: name,
    database: {
      url: { type: 'string', pattern: '^(postgres(ql)?://\\S+)?$' },
      urlKey: secretKey,
    },
    adminToken: token,
    adminTokenKey: secretKey,
    extraAdminTokenKeys: list(secretKey),
    extraServiceTokenKeys: list(secretKey),
    pepper: { type: 'string', pattern: '^([^\\r\\n]{16,})?$' },
    currentPepper: { type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$' },
    pepperKeys: { type: 'object', minProperties: 1, additionalProperties: secretKey },
    service: { type: oneOf('ClusterIP', 'NodePort', 'LoadBalancer'), annotations: texts },
    resources,
    pdb: budget,
    ...pods,
  },
  metrics: { service: { enabled: flag, annotations: texts }, serviceMonitor: scraping, podMonitor: scraping },
  prometheusRule: {
    enabled: flag,
    namespace: name,
    labels: texts,
    runbookUrl: text,
    alerts: {
      type: 'object',
      additionalProperties: fields({
        enabled: flag,
        threshold: { type: 'number' },
        for: { type: 'string', pattern: '^[0-9]+(s|m|h)$' },
        severity: filled,
      }),
    },
    additionalGroups: named,
  },
  dashboards: {
    enabled: flag,
    namespace: name,
    label: filled,
    labelValue: text,
    folder: text,
    folderAnnotation: filled,
    annotations: texts,
    grafanaOperator: { enabled: flag, instanceSelector: mapping },
  },
  helmTest: { enabled: flag },
};
