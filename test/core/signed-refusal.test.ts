import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Seal } from '../../src/core/seal.ts';
import { Secret } from '../../src/core/secret.ts';
import { openRefusal, signRefusal } from '../../src/core/signed-refusal.ts';

const seal = new Seal([new Secret('a token of some length')]);
const REFUSAL = {
  status: 429,
  headers: ['Retry-After', '3', 'WWW-Authenticate', 'a', 'WWW-Authenticate', 'b'],
  body: '{"a":"é"}',
};
const NOW = 1_800_000_000_000;

describe('a signed refusal', () => {
  it('is opened as it was signed, for ten seconds', () => {
    const signed = signRefusal(REFUSAL, seal, NOW);
    expect(signed).toMatch(/^[\x21-\x7e]+$/);
    expect(openRefusal(signed, seal, NOW)).toEqual(REFUSAL);
    expect(openRefusal(signed, seal, NOW + 10_000)).toEqual(REFUSAL);
    expect(openRefusal(signed, seal, NOW + 10_001)).toBeNull();
    expect(openRefusal(signed, seal, NOW - 10_001)).toBeNull();
  });

  it('is opened while the token rotates, and not by another', () => {
    const [old, next] = [new Secret('the token before'), new Secret('the token after')];
    const signed = signRefusal(REFUSAL, new Seal([old]), NOW);
    expect(openRefusal(signed, new Seal([next, old]), NOW)).toEqual(REFUSAL);
    expect(openRefusal(signed, new Seal([next]), NOW)).toBeNull();
  });

  it('is none under a seal of the same token for another purpose', () => {
    const signed = signRefusal(REFUSAL, seal, NOW);
    const text = signed.slice(0, signed.lastIndexOf('.'));
    expect(openRefusal(`${text}.${seal.macOf('head', text)}`, seal, NOW)).toBeNull();
  });

  it('is none with any character changed', () => {
    const signed = signRefusal(REFUSAL, seal, NOW);
    // A last character of base64url has bits that say nothing.
    const places = fc.nat({ max: signed.length - 2 });
    fc.assert(
      fc.property(places, fc.constantFrom('A', 'z', '0', '.', '-'), (at, other) => {
        fc.pre(signed[at] !== other);
        expect(openRefusal(signed.slice(0, at) + other + signed.slice(at + 1), seal, NOW)).toBeNull();
      }),
    );
  });

  it('any other text is none', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(openRefusal(text, seal, NOW)).toBeNull();
      }),
    );
  });

  it.each([['[]'], ['{}'], ['[200,[],""]'], ['[429,["a",1],""]'], ['[429,[],null]'], ['null']])(
    'of another form is none: %s',
    (json) => {
      const text = `${NOW + 1}.${Buffer.from(json).toString('base64url')}`;
      expect(openRefusal(`${text}.${seal.macOf('refusal', text)}`, seal, NOW)).toBeNull();
    },
  );
});
