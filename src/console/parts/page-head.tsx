import type { ComponentChildren, JSX } from 'preact';

/** The head of a page: its title, and what can be done on it. */
export function PageHead(props: {
  readonly title: ComponentChildren;
  readonly children?: ComponentChildren;
}): JSX.Element {
  return (
    <header>
      <h1>{props.title}</h1>
      <div class="row">{props.children}</div>
    </header>
  );
}
