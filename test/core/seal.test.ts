import * as fc from 'fast-check';
import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { Seal, type SealPurpose } from '../../src/core/seal.ts';
import { Secret } from '../../src/core/secret.ts';

const token = (): Secret => new Secret(randomBytes(24).toString('base64url'));
const PURPOSES: readonly SealPurpose[] = ['record', 'head', 'news'];

describe('a seal', () => {
  test.each(PURPOSES)('proves any text of the purpose %s to every holder of the same token', (purpose) => {
    const shared = token();
    const [writer, reader] = [new Seal([shared]), new Seal([new Secret(shared.reveal())])];
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) =>
        reader.isGenuine(purpose, text, writer.macOf(purpose, text)),
      ),
    );
  });

  test('is none of another text, however little differs', () => {
    const seal = new Seal([token()]);
    fc.assert(
      fc.property(fc.string(), fc.string(), (text, other) => {
        fc.pre(text !== other);
        return !seal.isGenuine('record', other, seal.macOf('record', text));
      }),
    );
  });

  test('is none of another purpose', () => {
    const seal = new Seal([token()]);
    for (const made of PURPOSES) {
      for (const read of PURPOSES) {
        expect(seal.isGenuine(read, 'text', seal.macOf(made, 'text'))).toBe(made === read);
      }
    }
  });

  test('cannot be made without the token', () => {
    const [ours, theirs] = [new Seal([token()]), new Seal([token()])];
    expect(ours.isGenuine('head', 'text', theirs.macOf('head', 'text'))).toBe(false);
  });

  test('holds while tokens rotate, for readers of either token', () => {
    const [old, fresh] = [token(), token()];
    const both = new Seal([fresh, old]);
    for (const one of [new Seal([old]), new Seal([fresh])]) {
      expect(one.isGenuine('news', 'text', both.macOf('news', 'text'))).toBe(true);
      expect(both.isGenuine('news', 'text', one.macOf('news', 'text'))).toBe(true);
    }
    expect(new Seal([fresh]).isGenuine('news', 'text', new Seal([old]).macOf('news', 'text'))).toBe(false);
  });

  test.each([
    ['nothing', ''],
    ['a dot', '.'],
    ['half of one', 'A'.repeat(20)],
    ['one with a sign it cannot have', `${'A'.repeat(42)}!`],
    ['very many', `${'A'.repeat(43)}.`.repeat(1000)],
  ])('is refused where it is %s', (_what, macs) => {
    expect(new Seal([token()]).isGenuine('record', 'text', macs)).toBe(false);
  });

  test('does not hold the token in any form that prints', () => {
    const secret = token();
    const seal = new Seal([secret]);
    expect(inspect(seal, { showHidden: true }) + JSON.stringify(seal) + seal.macOf('head', '')).not.toContain(
      secret.reveal(),
    );
  });
});
