import type { ComponentChildren, JSX } from 'preact';

export type Tone = 'good' | 'warn' | 'bad' | 'plain';

/** A state in one word; the colour says nothing that the word does not. */
export function Tag({
  tone,
  children,
}: {
  readonly tone: Tone;
  readonly children: ComponentChildren;
}): JSX.Element {
  return <span class={`tag ${tone}`}>{children}</span>;
}

/** What the reader has to know before going on. */
export function Notice(props: {
  readonly tone: Tone;
  readonly role?: 'alert' | 'status';
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <div class={`notice ${props.tone}`} role={props.role ?? 'status'}>
      {props.children}
    </div>
  );
}

/** Nothing is here, and what to do about it. */
export function Empty(props: { readonly title: string; readonly children?: ComponentChildren }): JSX.Element {
  return (
    <div class="empty">
      <strong>{props.title}</strong>
      {props.children}
    </div>
  );
}
