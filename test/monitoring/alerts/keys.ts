import type { AlertCase, Scene } from './scene.ts';

function renewals(error: string, ok: string): Scene {
  return {
    'plexgate_renewals_total{@,result="error"}': error,
    'plexgate_renewals_total{@,result="ok"}': ok,
  };
}

function lag(withinASecond: string, all: string): Scene {
  return Object.fromEntries(
    [
      ['1', withinASecond],
      ['2.5', all],
      ['+Inf', all],
    ].map(([le, values]) => [`plexgate_revocation_lag_seconds_bucket{@,le="${le}"}`, values ?? '']),
  );
}

const FORGED = '15 entries or messages in 15 minutes had no good seal. None was used.';

export const KEYS: readonly AlertCase[] = [
  {
    alert: 'PlexgateKeyServiceDown',
    at: 5,
    begins: 1,
    fires: {
      'six of ten renewals fail': { scene: renewals('0+6x5', '0+4x5'), says: '60% of the renewals fail.' },
      'all of them do': { scene: renewals('0+6x5', '0x5'), says: '100% of the renewals fail.' },
    },
    quiet: { 'four of ten do': renewals('0+4x5', '0+6x5') },
  },
  {
    alert: 'PlexgateKnowledgeOld',
    at: 3,
    begins: 0,
    fires: {
      'one of two gates has not renewed for seven seconds': {
        scene: { 'plexgate_knowledge_age_seconds{@}': '7x3', 'plexgate_knowledge_age_seconds{@2}': '0.3x3' },
        says: 'the last renewal of one of the gates was 7s ago.',
      },
      'a gate has never renewed': {
        scene: { 'plexgate_knowledge_age_seconds{@}': 'Inf Inf Inf Inf' },
        says: 'the last renewal of one of the gates was +Inf ago.',
      },
    },
    quiet: { 'it was four seconds ago': { 'plexgate_knowledge_age_seconds{@}': '4x3' } },
  },
  {
    alert: 'PlexgateStaleKeysServed',
    at: 10,
    begins: 1,
    fires: {
      'lookups are answered with what had been known': {
        scene: { 'plexgate_key_stale_served_total{@}': '0+60x10' },
        says: 'the key service is away, 1 lookups a second go by what is remembered.',
      },
    },
    quiet: { 'they were, some time ago': { 'plexgate_key_stale_served_total{@}': '60x10' } },
  },
  {
    alert: 'PlexgateRevocationChannelDown',
    at: 5,
    begins: 0,
    fires: {
      'one of two gates hears nothing': {
        scene: {
          'plexgate_revocation_channel_up{@}': '0x5',
          'plexgate_redis_up{@,connection="news"}': '0x5',
          'plexgate_revocation_channel_up{@2}': '1x5',
          'plexgate_redis_up{@2,connection="news"}': '1x5',
        },
        says: 'at least one gate learns of revocations by its renewals alone.',
      },
    },
    quiet: {
      'gates hear': {
        'plexgate_revocation_channel_up{@}': '1x5',
        'plexgate_redis_up{@,connection="news"}': '1x5',
      },
      'there is no Redis': { 'plexgate_revocation_channel_up{@}': '0x5' },
      'it is a key service': {
        'plexgate_revocation_channel_up{@}': '0x5',
        'plexgate_redis_up{@,connection="head"}': '1x5',
      },
    },
  },
  {
    alert: 'PlexgateRevocationLagHigh',
    at: 20,
    begins: 1,
    fires: {
      'two of a hundred changes took more than a second': {
        scene: lag('0+98x20', '0+100x20'),
        says: 'one change in 100 may have been there for 1.75s before a gate knew of it.',
      },
    },
    quiet: { 'one of two hundred did': lag('0+199x20', '0+200x20'), 'nothing changes': lag('9x20', '9x20') },
  },
  {
    alert: 'PlexgateRevocationUncertain',
    at: 20,
    begins: 1,
    fires: {
      'revocations were answered 202': {
        scene: { 'plexgate_revocations_total{@,result="uncertain"}': '0+1x20' },
        says: '15 revocations in 15 minutes were not certain when they were answered.',
      },
    },
    quiet: {
      'all are certain or fenced': {
        'plexgate_revocations_total{@,result="uncertain"}': '2x20',
        'plexgate_revocations_total{@,result="certain"}': '0+1x20',
        'plexgate_revocations_total{@,result="fenced"}': '0+1x20',
      },
    },
  },
  {
    alert: 'PlexgateRedisForged',
    at: 20,
    begins: 1,
    fires: Object.fromEntries(
      [
        ['a key record', 'plexgate_key_lookups_total{@,layer="l2",result="forged"}'],
        ['a head that a gate read', 'plexgate_witness_readings_total{@,result="forged"}'],
        ['a message', 'plexgate_revocation_news_total{@,result="forged"}'],
        ['a head that the key service read', 'plexgate_revocation_heads_forged_total{@}'],
      ].map(([what, series]) => [
        `${what} had no good seal`,
        { scene: { [series ?? '']: '0+1x20' }, says: FORGED },
      ]),
    ),
    quiet: {
      'everything had one': {
        'plexgate_key_lookups_total{@,layer="l2",result="hit"}': '0+60x20',
        'plexgate_key_lookups_total{@,layer="l2",result="forged"}': '0x20',
        'plexgate_witness_readings_total{@,result="confirmed"}': '0+60x20',
        'plexgate_witness_readings_total{@,result="forged"}': '2x20',
        'plexgate_revocation_news_total{@,result="received"}': '0+60x20',
        'plexgate_revocation_news_total{@,result="forged"}': '0x20',
        'plexgate_revocation_heads_forged_total{@}': '3x20',
      },
    },
  },
  {
    alert: 'PlexgateKeysFileRefused',
    at: 5,
    begins: 0,
    fires: {
      'one of two gates refused it': {
        scene: {
          'plexgate_keys_file_last_reload_successful{@}': '0x5',
          'plexgate_keys_file_last_reload_successful{@2}': '1x5',
        },
        says: 'a gate refused the file and goes on with the keys it had.',
      },
    },
    quiet: {
      'it is in force': { 'plexgate_keys_file_last_reload_successful{@}': '1x5' },
      'it was refused while it was written': { 'plexgate_keys_file_last_reload_successful{@}': '1x3 0 1' },
    },
  },
  {
    alert: 'PlexgateUsageLost',
    at: 20,
    begins: 1,
    fires: {
      'requests are missing': {
        scene: { 'plexgate_usage_lost_total{@}': '0+1x20' },
        says: '15 in 15 minutes.',
      },
    },
    quiet: { 'some were, long ago': { 'plexgate_usage_lost_total{@}': '7x20' } },
  },
];
