import * as fc from 'fast-check';

/** Strings of any UTF-16 code units, lone surrogates among them. fast-check's `binary` unit takes seconds to set up. */
export const anyText: fc.Arbitrary<string> = fc.string({
  unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)),
});
