import { startGate, type TestGate, type TestGateOptions } from './gate.ts';
import { startUpstream, type Upstream } from './upstream.ts';
import { Fixtures } from './wire-fixtures.ts';

/** A gate with a key service of its own, in front of a recording upstream. */
export interface Stage {
  readonly gate: TestGate;
  readonly upstream: Upstream;
  readonly fixtures: Fixtures;
  stop(): Promise<void>;
}

/** `config` holds `{upstream}` for the upstream's origin. */
export interface StageOptions extends TestGateOptions {
  /** Texts that name the fixtures to make, such as `{RW}`. */
  readonly fixtures: string;
}

export async function startStage({ config, fixtures, ...options }: StageOptions): Promise<Stage> {
  const upstream = await startUpstream();
  const gate = await startGate({ ...options, config: config.replaceAll('{upstream}', upstream.origin) });
  const made = new Fixtures(gate);
  await made.prepare(fixtures);
  return {
    gate,
    upstream,
    fixtures: made,
    stop: async () => {
      await gate.stop();
      await upstream.stop();
    },
  };
}
