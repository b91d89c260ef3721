import type { Clock } from '../../core/clock.ts';
import type { Operators, StoredOperator } from '../store/operators.ts';
import type { Attempts } from './attempts.ts';
import type { CodeSecrets } from './code-secrets.ts';
import type { Passwords } from './passwords.ts';
import { TooManyWait } from './turns.ts';
import type { Confirmation, SignIn } from './wire.ts';

export interface SignInParts {
  readonly store: Operators;
  readonly clock: Clock;
  readonly passwords: Passwords;
  readonly codes: CodeSecrets;
  readonly attempts: Attempts;
}

/** `operator` is whom the attempt was about, where there is one by that email. */
export type Attempted =
  | { readonly kind: 'admitted'; readonly operator: StoredOperator }
  | { readonly kind: 'not_admitted'; readonly operator: StoredOperator | null }
  | { readonly kind: 'throttled'; readonly retryAfterMs: number };

const BUSY: Attempted = { kind: 'throttled', retryAfterMs: 2000 };

/** Who says that they are an operator, and whether they are. What is done is the same whoever asks and whatever is wrong. */
export class Doorkeeper {
  readonly #parts: SignInParts;

  constructor(parts: SignInParts) {
    this.#parts = parts;
  }

  signIn({ email, password, code }: SignIn, address: string): Promise<Attempted> {
    const { store, clock, passwords, codes } = this.#parts;
    const known = email.toLowerCase();
    return this.#counted(known, address, async () => {
      const operator = await store.operatorByEmail(known);
      const isPassword = await passwords.matches(password, operator?.password ?? null);
      const counter = codes.counterOf(operator?.totp ?? null, code, clock.now());
      const isAdmitted = isPassword && counter !== null && operator?.enabled === true;
      // Last, so that a code is not used up by who has no password to it.
      if (!isAdmitted || !(await store.useCode(operator.id, counter)))
        return { kind: 'not_admitted', operator };
      await codes.refresh(operator);
      return { kind: 'admitted', operator };
    });
  }

  /** Who is signed in, and says so once more by one of the two. */
  confirm(operator: StoredOperator, by: Confirmation, address: string): Promise<Attempted> {
    const { store, clock, passwords, codes } = this.#parts;
    return this.#counted(operator.email, address, async () => {
      if ('password' in by) {
        const isPassword = await passwords.matches(by.password, operator.password);
        return { kind: isPassword ? 'admitted' : 'not_admitted', operator };
      }
      const counter = codes.counterOf(operator.totp, by.code, clock.now());
      const isCode = counter !== null && (await store.useCode(operator.id, counter));
      return { kind: isCode ? 'admitted' : 'not_admitted', operator };
    });
  }

  async #counted(email: string, address: string, attempt: () => Promise<Attempted>): Promise<Attempted> {
    const { attempts } = this.#parts;
    const counted = await attempts.count(email, address);
    if (counted.kind === 'throttled') return counted;
    try {
      const attempted = await attempt();
      if (attempted.kind === 'admitted') await attempts.succeeded(counted.subjects);
      return attempted;
    } catch (error) {
      if (error instanceof TooManyWait) return BUSY;
      throw error;
    }
  }
}
