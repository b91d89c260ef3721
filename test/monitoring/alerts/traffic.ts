import type { AlertCase, Scene } from './scene.ts';

/** Answers of the upstream and 5xx of the gate. */
function answers(upstream: string, own: string): Scene {
  return {
    'plexgate_http_requests_total{@,route="/",method="GET",code="200",source="upstream"}': upstream,
    'plexgate_http_requests_total{@,route="/",method="GET",code="503",source="gateway"}': own,
    // Neither a refusal nor a 5xx of the upstream is a failure of the gate.
    'plexgate_http_requests_total{@,route="/",method="GET",code="401",source="gateway"}': upstream,
    'plexgate_http_requests_total{@,route="/",method="GET",code="503",source="upstream"}': upstream,
  };
}

function upstream(errors: string, answered: string): Scene {
  return {
    'plexgate_upstream_errors_total{@,upstream="http://a",reason="refused"}': errors,
    'plexgate_upstream_request_duration_seconds_count{@,upstream="http://a"}': answered,
  };
}

function overhead(within50Ms: string, within100Ms: string): Scene {
  return Object.fromEntries(
    [
      ['0.05', within50Ms],
      ['0.1', within100Ms],
      ['+Inf', within100Ms],
    ].map(([le, values]) => [
      `plexgate_gateway_overhead_seconds_bucket{@,route="/",le="${le}"}`,
      values ?? '',
    ]),
  );
}

function decisions(allowed: string, denied: string): Scene {
  return {
    'plexgate_auth_decisions_total{@,route="/",result="allow",reason="none"}': allowed,
    'plexgate_auth_decisions_total{@,route="/",result="deny",reason="unknown_key"}': denied,
  };
}

export const TRAFFIC: readonly AlertCase[] = [
  {
    alert: 'PlexgateErrorRateHigh',
    at: 90,
    begins: 1,
    fires: {
      'two of a hundred answers are its own 5xx': {
        scene: answers('0+32x90', '0+2x90'),
        says: '2.041% of all requests in 5 minutes, and too many in the last hour.',
      },
    },
    quiet: {
      'one of a hundred is': answers('0+33x90', '0+1x90'),
      'they began ten minutes ago': answers('0+32x90', '0x80 0+4x10'),
      'they are over': answers('0+32x90', '0+2x80 160x10'),
      'nobody asks': answers('0x90', '0x90'),
    },
  },
  {
    alert: 'PlexgateErrorBudgetBurning',
    at: 420,
    begins: 1,
    fires: {
      'one of a hundred answers is its own 5xx for hours': {
        scene: answers('0+33x420', '0+1x420'),
        says: '1% of all requests in 30 minutes, and too many in the last 6 hours.',
      },
    },
    quiet: {
      'one of two hundred is': answers('0+66.33333333x420', '0+1x420'),
      'one of a hundred is, for an hour': answers('0+33x420', '0x360 0+1x60'),
      'they are over': answers('0+33x420', '0+1x360 360x60'),
    },
  },
  {
    alert: 'PlexgateUpstreamErrors',
    at: 15,
    begins: 1,
    fires: {
      'six of a hundred requests get no answer': {
        scene: upstream('0+6x15', '0+94x15'),
        labels: { upstream: 'http://a' },
        says: '6% of the requests to http://a get no answer.',
      },
      'it has never answered': {
        scene: upstream('0+6x15', '0x15'),
        labels: { upstream: 'http://a' },
        says: '100% of the requests to http://a get no answer.',
      },
    },
    quiet: {
      'four of a hundred get none': upstream('0+4x15', '0+96x15'),
      'nobody asks': upstream('0x15', '0x15'),
    },
  },
  {
    alert: 'PlexgateOverheadHigh',
    at: 20,
    begins: 1,
    fires: {
      'two of a hundred requests wait longer than 50 ms': {
        scene: overhead('0+98x20', '0+100x20'),
        says: 'one request in 100 waits 75ms or longer before it goes to its upstream.',
      },
    },
    quiet: { 'one of two hundred does': overhead('0+199x20', '0+200x20') },
  },
  {
    alert: 'PlexgateAuthDeniedSpike',
    at: 80,
    begins: 72,
    fires: {
      'ten times as many requests as before have a key that nobody knows': {
        scene: decisions('0+6000x80', '0+60x70 4800+600x10'),
        says: 'their share of all requests is 5.286 times that of the hour before.',
      },
      'there were none before': {
        scene: decisions('0+6000x80', '0x72 600+600x8'),
        says: 'their share of all requests is 18.27 times that of the hour before.',
      },
    },
    quiet: {
      'twice as many do': decisions('0+6000x80', '0+60x70 4320+120x10'),
      'they are a few': decisions('0+60x80', '0+1x70 100+30x10'),
      'there are more requests of every kind': decisions('0+600x70 48000+6000x10', '0+60x70 4800+600x10'),
    },
  },
];
