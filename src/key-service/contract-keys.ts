import type { Answer } from './answers.ts';
import type { Call, CallRequest } from './call.ts';
import { asCaller, withOwnKey, type Contract } from './contract-caller.ts';
import type { KeyView } from './key-view.ts';

/** What an API says in its own form to the five things its clients may do with keys. */
export interface KeyAnswers {
  create(request: CallRequest, caller: KeyView): Promise<Answer>;
  list(request: CallRequest, caller: KeyView): Promise<Answer>;
  show(key: KeyView): Promise<Answer>;
  patch(request: CallRequest): Promise<Answer>;
  revoke(request: CallRequest): Promise<Answer>;
}

/** The calls on the keys of the caller's owner, at `path` and below. Looking needs a key, changing a read-write one. */
export function contractKeyCalls(contract: Contract, path: string, answers: KeyAnswers): readonly Call[] {
  const common = { door: 'service' as const, refusal: contract.refusal };
  const all = { ...common, path };
  const one = { ...common, path: `${path}/:id` };
  const own = (request: CallRequest, need: 'read' | 'write', answer: (key: KeyView) => Promise<Answer>) =>
    asCaller(contract, request, need, (caller) => withOwnKey(contract, request.id, caller, answer));
  return [
    {
      ...all,
      method: 'POST',
      action: 'key.create',
      answer: (request) => asCaller(contract, request, 'write', (caller) => answers.create(request, caller)),
    },
    {
      ...all,
      method: 'GET',
      answer: (request) => asCaller(contract, request, 'read', (caller) => answers.list(request, caller)),
    },
    { ...one, method: 'GET', answer: (request) => own(request, 'read', (key) => answers.show(key)) },
    {
      ...one,
      method: 'PATCH',
      action: 'key.patch',
      answer: (request) => own(request, 'write', () => answers.patch(request)),
    },
    {
      ...one,
      method: 'DELETE',
      action: 'key.revoke',
      answer: (request) => own(request, 'write', () => answers.revoke(request)),
    },
  ];
}
