import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CASES } from './cases.ts';
import { DOORS, openDoor, type Door, type DoorName } from './doors.ts';
import { play, withoutIds, type Seen } from './seen.ts';

/*
 * One table, through the gate itself and through each proxy that asks it with its recipe of examples/: the client sees
 * the same status, body and headers, and the service the same identity.
 */
describe.each(DOORS)('through %s', (name) => {
  let door: Door;
  let reference: Door;
  const seen = new Map<string, readonly [here: Seen, direct: Seen]>();

  beforeAll(async () => {
    const fixtures = JSON.stringify(CASES);
    [door, reference] = await Promise.all([openDoor(name, fixtures), openDoor('the gate itself', fixtures)]);
    for (const [i, which] of CASES.entries()) {
      const id = `request-${i}`;
      seen.set(which.title, [
        withoutIds(await play(door, which, id), door),
        withoutIds(await play(reference, which, id), reference),
      ]);
    }
  });

  afterAll(async () => {
    await Promise.all([door.stop(), reference.stop()]);
  });

  it.each(CASES)('$title', ({ title, status }) => {
    const [here, direct] = seen.get(title) ?? [];
    expect(here?.status).toBe(status);
    expect(here).toEqual(direct);
  });
});

export type { DoorName };
