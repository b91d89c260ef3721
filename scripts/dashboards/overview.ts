import type { Dashboard, Row } from './dashboard.ts';
import { percentiles, ratesBy, series, share } from './query.ts';

const ROUTE = 'route=~"$route"';
const TIER = 'tier=~"$tier"';

const REQUESTS: Row = {
  title: 'Requests',
  panels: [
    {
      title: 'Requests by status',
      description: 'Answers a second by their status.',
      unit: 'reqps',
      queries: [[ratesBy('code', 'plexgate_http_requests_total', ROUTE), '{{code}}']],
    },
    {
      title: '5xx of the gate itself',
      description: 'Part of all answers that are a 5xx of the gate and not of an upstream.',
      unit: 'percentunit',
      numberOf: 'PlexgateErrorRateHigh',
      alerts: ['PlexgateErrorBudgetBurning'],
      queries: [
        [share('plexgate_http_requests_total', `${ROUTE},source="gateway",code=~"5.."`, ROUTE), '5xx'],
      ],
    },
    {
      title: 'Time to the end of the answer',
      description: 'Of requests that an upstream answered, from the request head to the end of the answer.',
      unit: 's',
      queries: percentiles('plexgate_http_request_duration_seconds', `${ROUTE},source="upstream"`),
    },
    {
      title: 'Time the gate adds',
      description: 'From the request head to its hand-over to the upstream, or to its refusal.',
      unit: 's',
      alerts: ['PlexgateOverheadHigh'],
      queries: percentiles('plexgate_gateway_overhead_seconds', ROUTE),
    },
    {
      title: 'Upstream answer time',
      description: "From the hand-over to the head of the upstream's answer.",
      unit: 's',
      queries: percentiles('plexgate_upstream_request_duration_seconds', '', 'upstream'),
    },
    {
      title: 'Requests without an answer',
      description: 'Requests that an upstream did not answer, by reason.',
      unit: 'reqps',
      alerts: ['PlexgateUpstreamErrors'],
      queries: [
        [ratesBy('upstream, reason', 'plexgate_upstream_errors_total'), '{{upstream}} {{reason}}'],
        [ratesBy('upstream', 'plexgate_upstream_ejections_total'), '{{upstream}} left out'],
      ],
    },
    {
      title: 'Under way',
      description: 'Requests not yet answered in full, and open WebSocket connections.',
      unit: 'short',
      queries: [
        [`sum(${series('plexgate_http_requests_in_flight', ROUTE)})`, 'requests'],
        [`sum(${series('plexgate_websocket_connections', ROUTE)})`, 'WebSockets'],
      ],
    },
    {
      title: 'Connections refused',
      description: 'Connections closed because their client address had too many.',
      unit: 'cps',
      queries: [[ratesBy('job', 'plexgate_connections_refused_total'), '{{job}}']],
    },
  ],
};

const AUTHENTICATION: Row = {
  title: 'Authentication',
  panels: [
    {
      title: 'Decisions',
      description: 'Decisions a second by their result: one for each request.',
      unit: 'reqps',
      queries: [[ratesBy('result', 'plexgate_auth_decisions_total', ROUTE), '{{result}}']],
    },
    {
      title: 'Refusals by reason',
      description: 'Requests a second that were refused, by the reason in docs/errors.md.',
      unit: 'reqps',
      alerts: ['PlexgateAuthDeniedSpike'],
      queries: [
        [ratesBy('reason', 'plexgate_auth_decisions_total', `${ROUTE},result!="allow"`), '{{reason}}'],
      ],
    },
    {
      title: 'Keys that a rotation has replaced',
      description: 'Requests a second answered for callers who still use the old key.',
      unit: 'reqps',
      queries: [[ratesBy('route', 'plexgate_deprecated_key_requests_total', ROUTE), '{{route}}']],
    },
  ],
};

const LIMITS: Row = {
  title: 'Limits',
  panels: [
    {
      title: 'Limit decisions',
      description: 'Decisions on limits a second by their result.',
      unit: 'reqps',
      queries: [[ratesBy('result', 'plexgate_ratelimit_decisions_total', TIER), '{{result}}']],
    },
    {
      title: 'Refused by a limit',
      description: 'Part of the requests of a tier that met a limit.',
      unit: 'percentunit',
      numberOf: 'PlexgateLimitedRatioHigh',
      queries: [
        [
          share(
            'plexgate_ratelimit_decisions_total',
            `${TIER},result="limit"`,
            `${TIER},result!="shadow"`,
            'tier',
          ),
          '{{tier}}',
        ],
      ],
    },
  ],
};

const LAG = series('nodejs_eventloop_lag_p99_seconds');
const HEAP = `${series('nodejs_heap_size_used_bytes')} / ${series('plexgate_heap_limit_bytes')}`;

const PROCESS: Row = {
  title: 'Process',
  panels: [
    {
      title: 'Event loop',
      description: 'How late the latest of the processes is with its work, 99th percentile.',
      unit: 's',
      numberOf: 'PlexgateEventLoopSlow',
      queries: [[`max by (job) (${LAG})`, '{{job}}']],
    },
    {
      title: 'Heap',
      description: 'The fullest heap, as a part of what it may grow to.',
      unit: 'percentunit',
      numberOf: 'PlexgateHeapNearLimit',
      queries: [[`max by (job) (${HEAP})`, '{{job}}']],
    },
    {
      title: 'Targets',
      description: 'Processes that Prometheus knows of, and those it can scrape.',
      unit: 'short',
      alerts: ['PlexgateTargetDown', 'PlexgateAbsent'],
      queries: [
        [`count by (job) (${series('up')})`, '{{job}} known'],
        [`sum by (job) (${series('up')})`, '{{job}} scraped'],
      ],
    },
    {
      title: 'CPU',
      description: 'Processor time used in a second, over all processes.',
      unit: 'short',
      queries: [[ratesBy('job', 'process_cpu_seconds_total'), '{{job}}']],
    },
    {
      title: 'Memory',
      description: 'Resident memory of the largest process, and of all.',
      unit: 'bytes',
      queries: [
        [`max by (job) (${series('process_resident_memory_bytes')})`, '{{job}} largest'],
        [`sum by (job) (${series('process_resident_memory_bytes')})`, '{{job}} all'],
      ],
    },
    {
      title: 'Versions',
      description: 'Processes by the version that they run.',
      unit: 'short',
      queries: [[`count by (job, version) (${series('plexgate_build_info')})`, '{{job}} {{version}}']],
    },
  ],
};

/** Whether all is well, at a glance. */
export const OVERVIEW: Dashboard = {
  title: 'Plexgate: overview',
  uid: 'plexgate-overview',
  rows: [REQUESTS, AUTHENTICATION, LIMITS, PROCESS],
};
