/**
 * Series by their names, each with its values minute by minute in promtool's notation: `0+6x20` is 0, 6, 12, and so on
 * for 20 minutes. `@` stands for the labels of one gate, `@2` for those of another one of the same job.
 */
export type Scene = Readonly<Record<string, string>>;

export interface AlertCase {
  readonly alert: string;
  /** Minutes after which each scene is looked at. */
  readonly at: number;
  /** The minute at which the first of the scenes becomes one to fire in. Rates need two values, and so one minute. */
  readonly begins: number;
  /** In each of these it fires, once. */
  readonly fires: Readonly<Record<string, Firing>>;
  /** In none of these it does. */
  readonly quiet: Readonly<Record<string, Scene>>;
}

export interface Firing {
  readonly scene: Scene;
  /** Beside namespace, job and severity. */
  readonly labels?: Readonly<Record<string, string>>;
  /** What it says behind the namespace and job. */
  readonly says: string;
}

/** What every alert of one job names. */
export const JOB = { namespace: 'shop', job: 'plexgate' };

/** A series' name with its labels. */
export function seriesName(text: string): string {
  const one = (instance: string) => `namespace="shop",job="plexgate",instance="${instance}"`;
  return text.replace('@2', one('10.0.0.2:9090')).replace('@', one('10.0.0.1:9090'));
}
