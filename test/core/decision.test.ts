import { describe, expect, expectTypeOf, test } from 'vitest';
import { deny, permit, type Decision, type Permit } from '../../src/core/decision.ts';

interface Route {
  readonly id: string;
}
const route: Route = { id: '/a' };

describe('a decision', () => {
  test('is a permit only if it says so, whatever else came with the subject', () => {
    const about = { ...deny('internal_error', {}), route };
    const minted = permit(about, null, () => true);
    expect(minted.kind).toBe('permit');
    expect(minted.credential).toBeNull();
    expect(minted.route).toBe(route);
  });

  test('to deny fills in what was not known yet', () => {
    expect(deny<Route>('no_route', {})).toEqual({
      kind: 'denial',
      reason: 'no_route',
      route: null,
      key: null,
      source: null,
      limits: [],
      sent: true,
      retryAfterMs: 0,
      detail: null,
    });
  });

  test('to deny keeps what was known', () => {
    const denial = deny('rate_limited', { route }, { sent: false, retryAfterMs: 5, detail: 'd' });
    expect(denial).toMatchObject({ route, sent: false, retryAfterMs: 5, detail: 'd' });
  });

  test('cannot be made by hand: a literal, a denial and an undecided decision are no permits', () => {
    const forward = (proof: Permit<Route>): string => proof.route.id;
    const undecided = permit(
      { route, key: null, source: null, limits: [] },
      null,
      () => true,
    ) as Decision<Route>;
    // @ts-expect-error a hand-made object lacks the mark
    forward({ kind: 'permit', route, key: null, source: null, limits: [], credential: null });
    // @ts-expect-error undecided
    forward(undecided);
    expect(undecided.kind === 'permit' && forward(undecided)).toBe('/a');
    expectTypeOf<Extract<Decision<Route>, { kind: 'permit' }>>().toEqualTypeOf<Permit<Route>>();
  });
});
