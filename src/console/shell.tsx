import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useMay, useStanding } from './api/session.tsx';
import { Account } from './account.tsx';
import { PAGES, type Page } from './pages.tsx';
import { Button, IconButton } from './parts/button.tsx';
import { Icon } from './parts/icon.tsx';
import { Empty } from './parts/tag.tsx';
import { hrefOf, usePlace, type Place } from './routes.ts';
import { keepTheme, keptTheme, THEMES } from './theme.ts';

export function Brand(): JSX.Element {
  return (
    <span class="brand">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="7" fill="#0a5f66" />
        <path
          d="M8 25V12a8 8 0 0 1 16 0v13M13 25V14m6 11V14"
          fill="none"
          stroke="#fff"
          stroke-width="2.6"
          stroke-linecap="round"
        />
      </svg>
      Plexgate
    </span>
  );
}

/** A slash goes to the search of the page, as in most places where one searches. */
function useSlash(): void {
  useEffect(() => {
    const follow = (event: KeyboardEvent): void => {
      const target = event.target as Element;
      if (
        event.key !== '/' ||
        event.ctrlKey ||
        event.metaKey ||
        target.closest('input, select, textarea, dialog')
      )
        return;
      const search = document.querySelector<HTMLInputElement>('[data-search]');
      if (search === null) return;
      event.preventDefault();
      search.focus();
      search.select();
    };
    addEventListener('keydown', follow);
    return () => removeEventListener('keydown', follow);
  }, []);
}

export function Shell({ onLeft }: { readonly onLeft: () => void }): JSX.Element {
  const place = usePlace();
  const page = PAGES.find(({ name }) => name === place.page) ?? PAGES[0];
  useSlash();
  return (
    <div class="shell">
      <a
        class="skip"
        href="#page"
        onClick={(event) => {
          event.preventDefault();
          document.querySelector<HTMLElement>('.page')?.focus();
        }}
      >
        Skip to the page
      </a>
      <Bar onLeft={onLeft} />
      <Rail current={page?.name ?? ''} />
      {page !== undefined && <Shown page={page} place={place} />}
    </div>
  );
}

function Bar({ onLeft }: { readonly onLeft: () => void }): JSX.Element {
  const { operator } = useStanding().session;
  const [theme, setTheme] = useState(keptTheme());
  const [open, setOpen] = useState(false);
  const turn = (): void => {
    const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'system';
    keepTheme(next);
    setTheme(next);
  };
  return (
    <header class="bar">
      <Brand />
      <span class="who small">
        {operator.email} <span class="role quiet">{operator.role}</span>
      </span>
      <IconButton icon="theme" label={`Colours: ${theme}`} onPress={turn} />
      <Button tone="bare" icon="account" onPress={() => setOpen(true)}>
        Account
      </Button>
      {open && <Account onClose={() => setOpen(false)} onLeft={onLeft} />}
    </header>
  );
}

function Rail({ current }: { readonly current: string }): JSX.Element {
  const isAdmin = useMay('admin');
  return (
    <nav class="rail" aria-label="Pages">
      <ul>
        {PAGES.filter(({ role }) => role !== 'admin' || isAdmin).map(({ name, title, icon }) => (
          <li key={name}>
            <a href={hrefOf(name)} aria-current={name === current ? 'page' : undefined}>
              <Icon name={icon} />
              {title}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Shown({ page, place }: { readonly page: Page; readonly place: Place }): JSX.Element {
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  const isAdmin = useMay('admin');
  const where = `${page.name}/${page.deep === true ? (place.id ?? '') : ''}`;
  useEffect(() => {
    document.title = `${page.title} – Plexgate console`;
    // Whoever listens to the page, or goes through it by keyboard, stands at its beginning.
    if (!first.current) main.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
    first.current = false;
  }, [where]);
  const Content = page.content;
  return (
    <main class="page" id="page" tabIndex={-1} ref={main} aria-label={page.title}>
      {page.role === 'admin' && !isAdmin ? (
        <Empty title="This page is for admins">Ask an admin for what you need here.</Empty>
      ) : (
        <Content key={where} place={place} />
      )}
    </main>
  );
}
