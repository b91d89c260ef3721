import { beforeAll, describe, expect, it } from 'vitest';
import { isConstant, stream, type Streamed } from '../../proof/streams/streams.ts';

/** The command takes ten times as much. */
const BYTES = 1e9;

describe('a gigabyte through a gate of its own', () => {
  let streamed: Streamed;
  beforeAll(async () => {
    streamed = await stream(BYTES);
  }, 300_000);

  it.each([
    ['down', 0],
    ['up', 1],
  ] as const)('%s arrives as it was sent, in memory that does not grow', (direction, at) => {
    const transfer = streamed.transfers[at];
    expect(transfer?.direction).toBe(direction);
    expect(transfer?.received).toEqual({ ...transfer?.sent, bytes: BYTES });
    expect(transfer !== undefined && isConstant(transfer)).toBe(true);
  });

  it('leaves no event of a stream behind', () => {
    expect(streamed.events.gate).toHaveLength(streamed.events.direct.length);
    expect(streamed.events.gate.length).toBe(2000);
  });
});
