/**
 * JSON Schemas of what the chart writes of custom resources. The packages of types check values, not that a field is
 * there at all, and have neither HTTPRoute nor GrafanaDashboard.
 */
const SPECS: Readonly<Record<string, object>> = {
  'monitoring.coreos.com/v1/ServiceMonitor': object({
    jobLabel: labelKey(),
    namespaceSelector: object({ matchNames: list(string()) }),
    selector: object({ matchLabels: texts() }),
    endpoints: list(object(scraped({ port: string() }), ['port'])),
  }),
  'monitoring.coreos.com/v1/PodMonitor': object({
    jobLabel: labelKey(),
    namespaceSelector: object({ matchNames: list(string()) }),
    selector: object({ matchLabels: texts() }),
    podMetricsEndpoints: list(object(scraped({ port: string() }), ['port'])),
  }),
  'monitoring.coreos.com/v1/PrometheusRule': object({
    groups: list(
      object(
        {
          name: string(),
          rules: list(
            object(
              { alert: string(), expr: string(), for: string(), labels: texts(), annotations: texts() },
              ['expr'],
            ),
          ),
        },
        ['name', 'rules'],
      ),
    ),
  }),
  'gateway.networking.k8s.io/v1/HTTPRoute': object({
    parentRefs: list(
      object(
        {
          group: string(),
          kind: string(),
          name: string(),
          namespace: string(),
          sectionName: string(),
          port: integer(),
        },
        ['name'],
      ),
    ),
    hostnames: list(string()),
    rules: list(
      object({
        name: string(),
        matches: list(
          object({
            path: object({ type: { enum: ['Exact', 'PathPrefix', 'RegularExpression'] }, value: string() }),
            headers: list({ type: 'object' }),
            queryParams: list({ type: 'object' }),
            method: string(),
          }),
        ),
        filters: list({ type: 'object', required: ['type'] }),
        backendRefs: list(object({ name: string(), port: integer() }, ['name', 'port'])),
      }),
    ),
  }),
  'grafana.integreatly.org/v1beta1/GrafanaDashboard': object({
    instanceSelector: object({ matchLabels: texts() }),
    folder: string(),
    configMapRef: object({ name: string(), key: string() }, ['name', 'key']),
  }),
};

const METADATA = { name: string(), namespace: string(), labels: texts(), annotations: texts() };

/** By `apiVersion/kind`. */
export const CUSTOM_KINDS: Readonly<Record<string, object | undefined>> = Object.fromEntries(
  Object.entries(SPECS).map(([kind, spec]) => [
    kind,
    object({ apiVersion: string(), kind: string(), metadata: object(METADATA, ['name']), spec }, [
      'apiVersion',
      'kind',
      'metadata',
      'spec',
    ]),
  ]),
);

function object(properties: Record<string, object>, required: readonly string[] = []): object {
  return { type: 'object', properties, required, additionalProperties: false };
}

function scraped(more: Record<string, object>): Record<string, object> {
  const relabeling = object({
    sourceLabels: list(string()),
    separator: string(),
    targetLabel: string(),
    regex: string(),
    modulus: integer(),
    replacement: string(),
    action: string(),
  });
  return {
    ...more,
    path: string(),
    interval: string(),
    scrapeTimeout: string(),
    relabelings: list(relabeling),
    metricRelabelings: list(relabeling),
  };
}

function list(items: object): object {
  return { type: 'array', items, minItems: 1 };
}

function string(): object {
  return { type: 'string', minLength: 1 };
}

/** The name of a label, not its value: `jobLabel` says where to look. */
function labelKey(): object {
  return { type: 'string', pattern: '^[a-z.]+/[a-z]+$' };
}

function integer(): object {
  return { type: 'integer' };
}

function texts(): object {
  return { type: 'object', additionalProperties: { type: 'string' } };
}
