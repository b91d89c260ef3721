/** What the text is, where a scraper asks for it. */
export const OPEN_METRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** Whether an Accept header asks for OpenMetrics, in a version that ours satisfies. */
export function wantsOpenMetrics(accept: string): boolean {
  return accept.split(',').some((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    if (type !== 'application/openmetrics-text') return false;
    return parameters.every(
      (one) => !/^q=0(?:\.0*)?$/.test(one) && !/^version=(?!1\.0\.0$|0\.0\.1$)/.test(one),
    );
  });
}

/**
 * OpenMetrics from Prometheus' text format 0.0.4. A counter's family goes without the `_total` that its samples have,
 * no line is empty, and the last one says that it is the last. The registry of the metrics could write it as well, but
 * renames its counters for good when it does.
 */
export function openMetricsOf(text: string): string {
  const lines = text.split('\n').filter((line) => line !== '');
  const counters = new Set(
    lines.flatMap((line) => /^# TYPE (\w+)_total counter$/.exec(line)?.slice(1) ?? []),
  );
  const named = lines.map((line) =>
    line.replace(/^(# (?:HELP|TYPE) )(\w+)_total /, (whole, start: string, name: string) =>
      counters.has(name) ? `${start}${name} ` : whole,
    ),
  );
  return `${named.join('\n')}\n# EOF\n`;
}
