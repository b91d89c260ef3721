import type { AlertCase } from './scene.ts';

const BUILD = 'plexgate_build_info{@,version="1",revision="r",node_version="24"}';
const DAY_S = 86_400;

export const PROCESS: readonly AlertCase[] = [
  {
    alert: 'PlexgateTargetDown',
    at: 20,
    begins: 0,
    fires: {
      'one of two targets has never answered': {
        scene: { [BUILD]: '1x20', 'up{@}': '1x20', 'up{@2}': '0x20' },
        says: '1 of its targets do not answer.',
      },
      'the only one answers no more': {
        scene: { [BUILD]: '1x5 stale', 'up{@}': '1x5 0x15' },
        says: '1 of its targets do not answer.',
      },
    },
    quiet: {
      'all answer': { [BUILD]: '1x20', 'up{@}': '1x20', 'up{@2}': '1x20' },
      'one was gone for four minutes': { [BUILD]: '1x20', 'up{@}': '1x10 0x3 1x7' },
      'something else does not': {
        [BUILD]: '1x20',
        'up{@}': '1x20',
        'up{job="other",namespace="shop"}': '0x20',
      },
    },
  },
  {
    alert: 'PlexgateAbsent',
    at: 10,
    begins: 0,
    fires: { 'there are series of others alone': { scene: { 'up{@}': '1x10' }, says: '' } },
    quiet: { 'there is one gate': { [BUILD]: '1x10' } },
  },
  {
    alert: 'PlexgateEventLoopSlow',
    at: 10,
    begins: 0,
    fires: {
      'one of two processes is late by 150 ms': {
        scene: {
          [BUILD]: '1x10',
          'nodejs_eventloop_lag_p99_seconds{@}': '0.15x10',
          'nodejs_eventloop_lag_p99_seconds{@2}': '0.01x10',
        },
        says: 'the event loop is late by 150ms.',
      },
    },
    quiet: {
      'it is late by 90 ms': { [BUILD]: '1x10', 'nodejs_eventloop_lag_p99_seconds{@}': '0.09x10' },
      'another program of Node.js is late': {
        [BUILD]: '1x10',
        'nodejs_eventloop_lag_p99_seconds{@2}': '0.15x10',
      },
    },
  },
  {
    alert: 'PlexgateHeapNearLimit',
    at: 15,
    begins: 0,
    fires: {
      'it is filled to 95 %': {
        scene: {
          'nodejs_heap_size_used_bytes{@}': '95x15',
          'plexgate_heap_limit_bytes{@}': '100x15',
          'nodejs_heap_size_used_bytes{@2}': '95x15',
          'plexgate_heap_limit_bytes{@2}': '200x15',
        },
        says: '95% of what its heap may grow to.',
      },
    },
    quiet: {
      'it is filled to 85 %': {
        'nodejs_heap_size_used_bytes{@}': '85x15',
        'plexgate_heap_limit_bytes{@}': '100x15',
      },
    },
  },
  {
    alert: 'PlexgateCertificateExpiring',
    at: 20,
    begins: 0,
    fires: {
      'it has ten days': {
        scene: {
          'plexgate_certificates_expiry_timestamp_seconds{@,files="proxy.tls"}': `${10 * DAY_S + 1200}x20`,
        },
        labels: { files: 'proxy.tls' },
        says: 'one of proxy.tls in 10 days.',
      },
    },
    quiet: {
      'it has fifteen': {
        'plexgate_certificates_expiry_timestamp_seconds{@,files="proxy.tls"}': `${15 * DAY_S}x20`,
      },
    },
  },
  {
    alert: 'PlexgateCertificatesRefused',
    at: 5,
    begins: 0,
    fires: {
      'one of two gates refused them': {
        scene: {
          'plexgate_certificates_last_reload_successful{@,files="proxy.tls"}': '0x5',
          'plexgate_certificates_last_reload_successful{@2,files="proxy.tls"}': '1x5',
          'plexgate_certificates_last_reload_successful{@,files="proxy.upstreamTls"}': '1x5',
        },
        labels: { files: 'proxy.tls' },
        says: 'a gate refused proxy.tls and goes on with the certificates it had.',
      },
    },
    quiet: {
      'they are in force': { 'plexgate_certificates_last_reload_successful{@,files="proxy.tls"}': '1x5' },
    },
  },
];
