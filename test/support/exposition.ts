/** One line of a scrape. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric with all its lines. */
export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: readonly Sample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|\})/;
const SUFFIXES: Record<string, readonly string[]> = {
  counter: [''],
  gauge: [''],
  histogram: ['_bucket', '_sum', '_count'],
  summary: ['', '_sum', '_count'],
};

/**
 * Reads Prometheus' text format 0.0.4, letter by letter, as a second reader beside the library that wrote it. Throws
 * where a scraper would refuse or misunderstand: lines outside their family, series given twice, buckets that shrink.
 */
export function readExposition(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, Family & { samples: Sample[] }>();
  let help: { name: string; text: string } | null = null;
  let current: (Family & { samples: Sample[] }) | null = null;
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue;
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (keyword === 'HELP') {
      help = { name, text: rest };
    } else if (keyword === 'TYPE') {
      if (families.has(name)) throw new Error(`two families ${name}`);
      if (help?.name !== name) throw new Error(`no help for ${name}`);
      if (SUFFIXES[rest] === undefined) throw new Error(`no type: ${line}`);
      current = { name, type: rest, help: help.text, samples: [] };
      families.set(name, current);
    } else {
      const sample = readSample(line);
      if (current === null || !belongs(sample.name, current)) throw new Error(`outside its family: ${line}`);
      current.samples.push(sample);
    }
  }
  for (const family of families.values()) check(family);
  return families;
}

/** Name and labels of a line, in one order whatever the order in the scrape. */
export function seriesOf({ name, labels }: Sample): string {
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return `${name}${JSON.stringify(sorted)}`;
}

function readSample(line: string): Sample {
  const name = NAME.exec(line)?.[0] ?? '';
  let rest = line.slice(name.length);
  const labels: Record<string, string> = {};
  if (rest.startsWith('{')) {
    rest = rest.slice(1);
    for (let last = false; !last;) {
      const [match, label = '', value = '', end] = LABEL.exec(rest) ?? [];
      if (match === undefined || label in labels) throw new Error(`no labels: ${line}`);
      labels[label] = value.replace(/\\(["\\n])/g, (_, letter: string) => (letter === 'n' ? '\n' : letter));
      rest = rest.slice(match.length);
      last = end === '}';
    }
  }
  if (!/^ (?:[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?|[-+]Inf|NaN)$/i.test(rest) || name === '') {
    throw new Error(`no sample: ${line}`);
  }
  return { name, labels, value: rest === ' +Inf' ? Infinity : Number(rest) };
}

function belongs(name: string, { name: family, type }: Family): boolean {
  return (SUFFIXES[type] ?? []).some((suffix) => name === family + suffix);
}

function check(family: Family): void {
  const series = family.samples.map(seriesOf);
  if (new Set(series).size !== series.length) throw new Error(`a series twice in ${family.name}`);
  if (family.type === 'counter' && !family.name.endsWith('_total'))
    throw new Error(`no counter's name: ${family.name}`);
  if (family.type === 'counter' && family.samples.some(({ value }) => !(value >= 0))) {
    throw new Error(`a counter below zero: ${family.name}`);
  }
  if (family.type === 'histogram') checkBuckets(family);
}

function checkBuckets({ name, samples }: Family): void {
  const buckets = new Map<string, { le: number; value: number }[]>();
  for (const { name: line, labels, value } of samples) {
    if (line !== `${name}_bucket`) continue;
    const { le = '', ...others } = labels;
    const key = JSON.stringify(others);
    buckets.set(key, [...(buckets.get(key) ?? []), { le: le === '+Inf' ? Infinity : Number(le), value }]);
  }
  for (const [labels, list] of buckets) {
    const grows = list.every(
      ({ le, value }, i) => i === 0 || (le > (list[i - 1]?.le ?? 0) && value >= (list[i - 1]?.value ?? 0)),
    );
    const count = samples.find(
      (one) => one.name === `${name}_count` && JSON.stringify(one.labels) === labels,
    );
    if (!grows || list.at(-1)?.le !== Infinity || count?.value !== list.at(-1)?.value) {
      throw new Error(`buckets that do not add up: ${name} ${labels}`);
    }
  }
}
