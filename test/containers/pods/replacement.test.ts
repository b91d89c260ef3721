import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { makeKey } from '../../../proof/revocation/admin.ts';
import { until } from '../../support/until.ts';
import { Fleet } from '../fleet.ts';
import { Clients } from './clients.ts';
import { Pod } from './pod.ts';

const CLIENTS = 16;
/** How often it is looked which pods are ready; a fraction of the gate's `drain.delay`, as with Kubernetes. */
const LOOK_MS = 100;
/** Around the moment in which the gate closes its port. */
const CLOSING_MS = 50;

let fleet: Fleet;
let key: string;

beforeAll(async () => {
  fleet = await Fleet.start();
  await fleet.admin.putOwner('acme', { profile: 'standard', tier: 'default' });
  ({ key } = await makeKey(fleet.admin, 'acme'));
});
afterAll(() => fleet?.stop());

async function play(name: string): Promise<Pod> {
  const pod = await Pod.play(name, fleet);
  onTestFinished(() => pod.remove());
  await pod.untilReady();
  return pod;
}

/** What a Service does: it knows which pods are ready, a little late, and sends requests to these in turn. */
class Balancer {
  readonly #pods: Pod[];
  readonly #looking: NodeJS.Timeout;
  #ready: readonly Pod[] = [];
  #turn = 0;

  constructor(pods: Pod[]) {
    this.#pods = pods;
    this.#looking = setInterval(() => void this.#look(), LOOK_MS);
  }

  place(): string | null {
    return this.#ready[this.#turn++ % this.#ready.length]?.url ?? null;
  }

  add(pod: Pod): void {
    this.#pods.push(pod);
  }

  sends(pod: Pod): boolean {
    return this.#ready.includes(pod);
  }

  close(): void {
    clearInterval(this.#looking);
  }

  async #look(): Promise<void> {
    const looks = this.#pods.map(async (pod) => ((await pod.isReady().catch(() => false)) ? [pod] : []));
    this.#ready = (await Promise.all(looks)).flat();
  }
}

it('a pod that takes the place of another under load loses no request at all', async () => {
  const old = await play('old');
  const balancer = new Balancer([old]);
  onTestFinished(() => balancer.close());
  const clients = new Clients(CLIENTS, key, () => balancer.place());
  onTestFinished(() => clients.stop());
  await until('requests are answered', () => clients.attempts.length > 500);

  const fresh = await play('fresh');
  balancer.add(fresh);
  await until('the new pod gets requests', () => balancer.sends(fresh));
  await old.stop();
  const answered = clients.attempts.length;
  await until('the new pod serves alone', () => clients.attempts.length > answered + 500);
  await clients.stop();

  expect(Object.keys(clients.counts())).toEqual(['200']);
  expect((await old.container('plexgate')).State).toMatchObject({ Running: false, ExitCode: 0 });
  process.stderr.write(`replacement: ${clients.attempts.length} requests, none lost\n`);
});

it('a pod that is played anew in its own place loses none that it has been sent', async () => {
  const pod = await play('alone');
  // Straight to the pod: at the host's port podman itself takes connections, and drops them, while there is no pod.
  let url = await pod.directUrl();
  const clients = new Clients(CLIENTS, key, () => url);
  onTestFinished(() => clients.stop());
  await until('requests are answered', () => clients.attempts.length > 500);
  const before = (await pod.container('plexgate')).Id;

  await pod.replace();
  await pod.untilReady();
  const readyAt = performance.now();
  url = await pod.directUrl();
  await until('it serves again', () => clients.attempts.at(-1)?.outcome === 200);
  const served = clients.attempts.length;
  await until('it goes on', () => clients.attempts.length > served + 200);
  await clients.stop();

  expect((await pod.container('plexgate')).Id).not.toBe(before);
  const counts = clients.counts();
  const unreached = clients.attempts.filter(({ outcome }) => outcome === 'unreached');
  const goneAt = Math.min(...unreached.map(({ startedAt }) => startedAt));
  // The kernel resets what it has connected and the gate has not taken yet when the port closes. No request before is.
  const lost = clients.attempts.filter(
    ({ outcome, startedAt }) =>
      outcome !== 200 &&
      outcome !== 'unreached' &&
      !(/ECONNRESET/.test(String(outcome)) && Math.abs(startedAt - goneAt) < CLOSING_MS),
  );
  expect(lost).toEqual([]);
  expect(unreached.length).toBeGreaterThan(0);
  process.stderr.write(
    `replacement in place: ${counts['200']} answered, none lost; nobody there for ${((readyAt - goneAt) / 1000).toFixed(1)} s\n`,
  );
});
