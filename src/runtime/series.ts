/** What a scrape is told of a family of series; the metrics library writes it down. */
interface Told {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly aggregator: 'sum';
  readonly values: readonly Value[];
}

interface Value {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

interface About {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
}

/**
 * The series of one name, a child for each set of labels. A child is a number or a few of our own: the metrics library
 * hashes the labels anew whenever one counts, which is felt where each request counts ten times. A child is told of
 * from the first time on that something was done with it.
 */
abstract class Family<C extends Child> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly aggregator = 'sum';
  abstract readonly type: Told['type'];
  readonly #children = new Map<string, C>();

  constructor({ name, help, labelNames }: About) {
    this.name = name;
    this.help = help;
    this.labelNames = labelNames;
  }

  /** Whoever counts often MUST keep what it gets. Values are in the order of the names. */
  labels(...values: readonly string[]): C {
    if (values.length !== this.labelNames.length)
      throw new RangeError(`${this.name}: a value for each label`);
    const name = values.join('\0');
    let child = this.#children.get(name);
    if (child === undefined) {
      child = this.make(Object.fromEntries(this.labelNames.map((label, i) => [label, values[i] ?? ''])));
      this.#children.set(name, child);
    }
    return child;
  }

  /** There is no such series any more. */
  remove(...values: readonly string[]): void {
    this.#children.delete(values.join('\0'));
  }

  /** Asked for at each scrape. */
  async get(): Promise<Told> {
    const { name, help, type, aggregator } = this;
    const told = [...this.#children.values()].filter(({ isTouched }) => isTouched);
    return Promise.resolve({
      name,
      help,
      type,
      aggregator,
      values: told.flatMap((child) => child.tell(name)),
    });
  }

  protected abstract make(labels: Record<string, string>): C;
}

interface Child {
  readonly isTouched: boolean;
  tell(name: string): Value[];
}

/** A count, or a level that goes up and down. */
export class NumberSeries implements Child {
  readonly #labels: Record<string, string>;
  #value = 0;
  isTouched = false;

  constructor(labels: Record<string, string>) {
    this.#labels = labels;
  }

  inc(by = 1): void {
    this.#value += by;
    this.isTouched = true;
  }

  dec(by = 1): void {
    this.inc(-by);
  }

  set(value: number): void {
    this.#value = value;
    this.isTouched = true;
  }

  tell(): Value[] {
    return [{ labels: this.#labels, value: this.#value }];
  }
}

export class NumberFamily extends Family<NumberSeries> {
  readonly type: 'counter' | 'gauge';

  constructor(type: 'counter' | 'gauge', about: About) {
    super(about);
    this.type = type;
    // One without labels is there from the first scrape on.
    if (about.labelNames.length === 0) this.inc(0);
  }

  /** Of the one series of a family without labels, as are the others. */
  inc(by = 1): void {
    this.labels().inc(by);
  }

  set(value: number): void {
    this.labels().set(value);
  }

  protected make(labels: Record<string, string>): NumberSeries {
    return new NumberSeries(labels);
  }
}

/** How often values fell between each two bounds, and their sum. */
export class BucketSeries implements Child {
  readonly #labels: Record<string, string>;
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  isTouched = false;

  constructor(labels: Record<string, string>, bounds: readonly number[]) {
    this.#labels = labels;
    this.#bounds = bounds;
    this.#counts = [...bounds, Infinity].map(() => 0);
  }

  observe(value: number): void {
    let i = 0;
    while (value > (this.#bounds[i] ?? Infinity)) i++;
    this.#counts[i] = (this.#counts[i] ?? 0) + 1;
    this.#sum += value;
    this.isTouched = true;
  }

  tell(name: string): Value[] {
    const labels = this.#labels;
    let below = 0;
    const buckets = this.#counts.map((count, i) => {
      below += count;
      const le = this.#bounds[i] ?? '+Inf';
      return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: below };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels, value: this.#sum },
      { metricName: `${name}_count`, labels, value: below },
    ];
  }
}

export class BucketFamily extends Family<BucketSeries> {
  readonly type = 'histogram';
  readonly #bounds: readonly number[];

  /** Bounds ascend. */
  constructor(about: About, bounds: readonly number[]) {
    super(about);
    this.#bounds = bounds;
    if (about.labelNames.length === 0) this.labels().isTouched = true;
  }

  observe(value: number): void {
    this.labels().observe(value);
  }

  /** The child of these labels is told of from now on, with nothing in it. */
  zero(labels: Readonly<Record<string, string>>): void {
    this.labels(...this.labelNames.map((name) => labels[name] ?? '')).isTouched = true;
  }

  protected make(labels: Record<string, string>): BucketSeries {
    return new BucketSeries(labels, this.#bounds);
  }
}
