import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Problem, Session, SignedIn } from '../key-service/console/wire.ts';
import { ask, rememberToken } from './api/ask.ts';
import { setClock } from './api/clock.ts';
import { StandingContext, type Standing } from './api/session.tsx';
import { Interruptions } from './interruptions.tsx';
import { Enrol } from './pages/enrol.tsx';
import { SignInForm } from './pages/sign-in-form.tsx';
import { ProblemNotice } from './parts/problem.tsx';
import { Spoken } from './parts/say.tsx';
import { Notice } from './parts/tag.tsx';
import { Brand, Shell } from './shell.tsx';

type State =
  | { readonly kind: 'starting' }
  | { readonly kind: 'broken'; readonly problem: Problem }
  | { readonly kind: 'outside'; readonly hasOperators: boolean; readonly left: boolean }
  | { readonly kind: 'enrolling'; readonly token: string }
  | ({ readonly kind: 'inside' } & Standing);

/** The token of a one-time link: /console/enrol#TOKEN. A fragment reaches no server and no log on the way. */
function linkToken(): string | null {
  return location.pathname.endsWith('/enrol') && location.hash.length > 1 ? location.hash.slice(1) : null;
}

/** Where a session begins the page needs what the key service offers. */
async function enter(session: Session): Promise<State> {
  rememberToken(session.csrf);
  const about = await ask('GET /console/api/about');
  return about.ok
    ? { kind: 'inside', session, about: about.answer }
    : { kind: 'broken', problem: about.problem };
}

async function start(): Promise<State> {
  const token = linkToken();
  if (token !== null) return { kind: 'enrolling', token };
  const reply = await ask('GET /console/api/session');
  if (!reply.ok) return { kind: 'broken', problem: reply.problem };
  const { session, has_operators: hasOperators, now } = reply.answer;
  setClock(now);
  return session === null ? { kind: 'outside', hasOperators, left: false } : enter(session);
}

export function App(): JSX.Element {
  const [state, setState] = useState<State>({ kind: 'starting' });
  const begin = (): void => void start().then(setState);
  useEffect(begin, []);
  const onSignedIn = ({ session, now }: SignedIn): void => {
    setClock(now);
    if (linkToken() !== null) history.replaceState(null, '', import.meta.env.BASE_URL);
    void enter(session).then(setState);
  };
  const onLeft = (): void => {
    rememberToken(null);
    setState({ kind: 'outside', hasOperators: true, left: true });
  };
  return (
    <>
      {state.kind === 'inside' ? (
        <StandingContext.Provider value={state}>
          <Shell onLeft={onLeft} />
          <Interruptions
            session={state.session}
            onRenewed={(session) => setState({ ...state, session })}
            onLeft={onLeft}
          />
        </StandingContext.Provider>
      ) : (
        <Alone state={state} onSignedIn={onSignedIn} onRetry={begin} />
      )}
      <Spoken />
    </>
  );
}

function Alone(props: {
  readonly state: Exclude<State, { readonly kind: 'inside' }>;
  readonly onSignedIn: (answer: SignedIn) => void;
  readonly onRetry: () => void;
}): JSX.Element {
  const { state, onSignedIn, onRetry } = props;
  return (
    <div class="alone">
      <header>
        <Brand />
      </header>
      <main class="stack" aria-busy={state.kind === 'starting'}>
        <h1>{state.kind === 'enrolling' ? 'Your first visit' : 'Sign in'}</h1>
        {state.kind === 'starting' && <span class="bones" />}
        {state.kind === 'broken' && <ProblemNotice problem={state.problem} onRetry={onRetry} />}
        {state.kind === 'enrolling' && <Enrol token={state.token} onSignedIn={onSignedIn} />}
        {state.kind === 'outside' && (
          <>
            {state.left && <Notice tone="good">You are signed out.</Notice>}
            {!state.hasOperators && (
              <Notice tone="warn">
                Nobody can sign in yet. Open the one-time link that the key service printed when it started,
                or make another where it runs: <code>plexgate operators create</code>
              </Notice>
            )}
            <SignInForm onSignedIn={onSignedIn} />
          </>
        )}
      </main>
    </div>
  );
}
