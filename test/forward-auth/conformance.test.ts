import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { valuesOf, type HeaderLine } from '../support/http-message.ts';
import { RawConnection, requestBytes } from '../support/raw-client.ts';
import { OK } from '../support/upstream.ts';
import { CASES, type ForwardAuthCase } from './cases.ts';
import { DOORS, openDoor, type Door } from './doors.ts';
import { play, withoutIds, type Seen } from './seen.ts';

const UPGRADE: readonly HeaderLine[] = [
  ['Connection', 'Upgrade'],
  ['Upgrade', 'websocket'],
  ['Sec-WebSocket-Version', '13'],
  ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
];
/** RFC 6455 section 1.3, for that key. */
const HANDSHAKE: readonly HeaderLine[] = [
  ['Connection', 'Upgrade'],
  ['Upgrade', 'websocket'],
  ['Sec-WebSocket-Accept', 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='],
];

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

  it('a request line that names another host than Host does not pass for it', async () => {
    const headers: HeaderLine[] = [
      ['Host', 'gate.test'],
      ['x-api-key', '{S}'],
    ];
    const other: ForwardAuthCase = { title: '', target: 'http://other.test/models', headers, status: 400 };
    const { status, service } = await play(door, other, 'another-host');
    // Refused for the two names, or as a request to the other host, whose keys are of a workspace.
    expect([[400, 403].includes(status), service]).toEqual([true, null]);
  });

  it('a request line in absolute form is decided as the path that it names', async () => {
    const headers: HeaderLine[] = [['Host', 'gate.test']];
    const open: ForwardAuthCase = { title: '', target: 'http://gate.test/health', headers, status: 200 };
    const closed = { ...open, target: 'http://gate.test/models' };
    expect((await play(door, closed, 'closed')).status).toBe(401);
    const { status, service } = await play(door, open, 'open');
    expect([status, service?.target.replace('http://gate.test', '')]).toEqual([200, '/health']);
  });

  it('a WebSocket is opened for a key that may write', async () => {
    door.stage.upstream.answerWith({ ...OK, status: 101, headers: HANDSHAKE, body: '' });
    const connection = await RawConnection.open(door.port);
    const key: HeaderLine = ['x-api-key', door.stage.fixtures.fill('{S}')];
    connection.send(requestBytes({ method: 'GET', target: '/x', headers: [['Host', 'a'], key, ...UPGRADE] }));
    await connection.until(() => connection.status !== null, 'the handshake');
    connection.drop();
    expect(connection.status).toBe(101);
    const arrived = door.stage.upstream.requests.at(-1);
    expect(arrived && valuesOf(arrived, 'x-permission-level')).toEqual(['read_write']);
    door.stage.upstream.answerWith(OK);
  });

  it('what cannot be known is 503 with Retry-After', async () => {
    for (const { stage } of [door, reference]) stage.gate.keyServiceAnswers(false);
    const cold: ForwardAuthCase = { title: 'cold', headers: [['x-api-key', '{UNKNOWN}']], status: 503 };
    const [here, direct] = [await play(door, cold, 'cold'), await play(reference, cold, 'cold')];
    expect([here.status, here]).toEqual([503, direct]);
  });

  it.each(DOORS.slice(1).filter((proxy) => proxy === name))(
    '%s says 503 with Retry-After where the gate does not answer',
    async () => {
      await door.stage.gate.stop();
      const seenOf = await play(door, { title: 'gone', status: 503 }, 'gone');
      expect([seenOf.status, seenOf.headers['retry-after'], seenOf.service]).toEqual([
        503,
        ['(a number)'],
        null,
      ]);
    },
  );
});
