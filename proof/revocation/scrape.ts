import { readExposition, type Family } from '../../test/support/exposition.ts';

/** What `/metrics` of one process says at the moment. */
export class Scrape {
  readonly text: string;
  readonly #families: ReadonlyMap<string, Family>;

  private constructor(text: string) {
    this.text = text;
    this.#families = readExposition(text);
  }

  static async of(adminPort: number): Promise<Scrape> {
    const answer = await fetch(`http://127.0.0.1:${adminPort}/metrics`);
    return new Scrape(await answer.text());
  }

  /** The sum over the series of a metric that have these labels; 0 where there are none. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number {
    const samples = this.#families.get(name)?.samples ?? [];
    return samples
      .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
      .reduce((sum, { value }) => sum + value, 0);
  }

  /** How many series there are; those of Node's own collectors come and go with what the process does. */
  get seriesCount(): number {
    return [...this.#families.values()]
      .filter(({ name }) => name.startsWith('plexgate_'))
      .reduce((sum, { samples }) => sum + samples.length, 0);
  }

  /** Records and messages that nobody with the service token wrote. */
  get forged(): number {
    return [...this.#families.values()]
      .flatMap(({ samples }) => samples)
      .filter(({ name, labels }) => labels['result'] === 'forged' || name.includes('forged'))
      .reduce((sum, { value }) => sum + value, 0);
  }

  get residentBytes(): number {
    return this.sum('process_resident_memory_bytes');
  }

  /** Questions sent to the key service. */
  get keyServiceCalls(): number {
    return this.sum('plexgate_key_lookups_total', { layer: 'origin' });
  }
}
