import type { AlertCase, Scene } from './scene.ts';

function calls(error: string, ok: string): Scene {
  return {
    'plexgate_ratelimit_store_calls_total{@,operation="take",result="error"}': error,
    'plexgate_ratelimit_store_calls_total{@,operation="take",result="ok"}': ok,
  };
}

function decisions(limit: string, allow: string, shadow: string): Scene {
  const named = (result: string) =>
    `plexgate_ratelimit_decisions_total{@,tier="plexe/basic",result="${result}",algorithm="leased"}`;
  return { [named('limit')]: limit, [named('allow')]: allow, [named('shadow')]: shadow };
}

const exceptions = (kind: string): string => `plexgate_limit_exceptions_total{@,kind="${kind}"}`;

export const LIMITS: readonly AlertCase[] = [
  {
    alert: 'PlexgateFailOpen',
    at: 10,
    begins: 1,
    fires: {
      'requests pass without a limit': {
        scene: { [exceptions('open')]: '0+60x10' },
        says: '1 requests a second are let through by whenRedisIsDown: open.',
      },
    },
    quiet: {
      'limits hold': { [exceptions('open')]: '60x10' },
      'a clock was stepped': { [exceptions('clock_step')]: '0+1x10' },
    },
  },
  {
    alert: 'PlexgateLimitExceptions',
    at: 10,
    begins: 6,
    fires: Object.fromEntries(
      ['clock_step', 'unreported'].map((kind) => [
        kind,
        { scene: { [exceptions(kind)]: '0x5 1x5' }, labels: { kind }, says: `${kind}.` },
      ]),
    ),
    quiet: {
      'there was none': { [exceptions('clock_step')]: '0x10', [exceptions('unreported')]: '4x10' },
      'limits are off, which has an alert of its own': { [exceptions('open')]: '0+60x10' },
    },
  },
  {
    alert: 'PlexgateRedisDown',
    at: 3,
    begins: 0,
    fires: {
      'one of two gates has lost a connection': {
        scene: {
          'plexgate_redis_up{@,connection="limits"}': '0x3',
          'plexgate_redis_up{@2,connection="limits"}': '1x3',
          'plexgate_redis_up{@,connection="cache"}': '1x3',
        },
        labels: { connection: 'limits' },
        says: 'the connection limits is away somewhere.',
      },
    },
    quiet: {
      'all connections are there': { 'plexgate_redis_up{@,connection="limits"}': '1x3' },
      'it was away for a moment': { 'plexgate_redis_up{@,connection="limits"}': '1 0 1 1' },
    },
  },
  {
    alert: 'PlexgateLimitStoreErrors',
    at: 15,
    begins: 1,
    fires: {
      'six of a hundred calls fail': {
        scene: calls('0+6x15', '0+94x15'),
        labels: { operation: 'take' },
        says: '6% of the calls to take.',
      },
    },
    quiet: { 'four of a hundred do': calls('0+4x15', '0+96x15'), 'there are none': calls('0x15', '0x15') },
  },
  {
    alert: 'PlexgateLimitedRatioHigh',
    at: 45,
    begins: 1,
    fires: {
      'six of ten requests meet a limit, whatever shadows say': {
        scene: decisions('0+6x45', '0+4x45', '0+4x45'),
        labels: { tier: 'plexe/basic' },
        says: '60% of the requests of plexe/basic.',
      },
    },
    quiet: {
      'four of ten do': decisions('0+4x45', '0+6x45', '0x45'),
      'shadows alone would refuse': decisions('0x45', '0+10x45', '0+9x45'),
    },
  },
];
