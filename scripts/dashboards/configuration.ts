import type { Row } from './dashboard.ts';
import { ratesBy, series } from './query.ts';

/** Which configuration is in force, and what became of changed ones. */
export const CONFIGURATION: Row = {
  title: 'Process',
  panels: [
    {
      title: 'Configurations in force',
      description: 'Processes by the configuration that they run.',
      unit: 'short',
      queries: [[`count by (job, hash) (${series('plexgate_config_info')})`, '{{job}} {{hash}}']],
    },
    {
      title: 'Configuration files in force',
      description:
        '0 where a configuration file, as it is now, was refused; fields of it that wait for a restart.',
      unit: 'short',
      numberOf: 'PlexgateConfigRefused',
      queries: [
        [`min by (job) (${series('plexgate_config_last_reload_successful')})`, '{{job}} in force'],
        [`max by (job) (${series('plexgate_config_fields_pending')})`, '{{job}} fields pending'],
      ],
    },
    {
      title: 'Configurations read',
      description: 'Changed configurations a second, by what became of them.',
      unit: 'short',
      alerts: ['PlexgateConfigRefused'],
      queries: [[ratesBy('result', 'plexgate_config_reloads_total'), '{{result}}']],
    },
    {
      title: 'Spans',
      description: 'Spans of traces a second, by what became of them; none where nothing is traced.',
      unit: 'ops',
      queries: [[ratesBy('result', 'plexgate_trace_spans_total'), '{{result}}']],
    },
    {
      title: 'Age of the configuration',
      description: 'Since the configuration in force was read; the oldest.',
      unit: 's',
      alerts: ['PlexgateConfigRefused'],
      queries: [
        [
          `time() - min by (job) (${series('plexgate_config_last_reload_success_timestamp_seconds')})`,
          '{{job}}',
        ],
      ],
    },
  ],
};
