import { readFileSync } from 'node:fs';
import { startStage, type Stage } from '../support/stage.ts';

const SHIPPED_UPSTREAM = 'http://127.0.0.1:3000';

/** config/<name>.yaml with `{upstream}` in place of the upstream it names. */
export function shippedConfig(name: string): string {
  const text = readFileSync(new URL(`../../config/${name}.yaml`, import.meta.url), 'utf8');
  if (!text.includes(SHIPPED_UPSTREAM)) throw new Error(`config/${name}.yaml has another upstream`);
  return text.replaceAll(SHIPPED_UPSTREAM, '{upstream}');
}

/** The gate of config/<name>.yaml in front of a recording upstream; `fixtures` names the keys to make, `{RW}`. */
export function startShippedStage(name: string, fixtures: string): Promise<Stage> {
  return startStage({ config: shippedConfig(name), fixtures });
}

/** A file of this folder that a document's author wrote, with the API's base URL replaced by the gate's. */
export function documented(file: string, baseUrl: string, port: number): string {
  const text = readFileSync(new URL(file, import.meta.url), 'utf8');
  if (!text.includes(baseUrl)) throw new Error(`${file} does not call ${baseUrl}`);
  return text.replaceAll(baseUrl, `http://127.0.0.1:${port}`);
}
