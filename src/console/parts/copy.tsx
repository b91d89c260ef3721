import type { JSX } from 'preact';
import { useId, useRef } from 'preact/hooks';
import { Button } from './button.tsx';
import { say } from './say.tsx';

/** A text to be taken along, such as a new key: shown whole, selected on focus, copied by a button. */
export function Copyable(props: { readonly label: string; readonly text: string }): JSX.Element {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <div class="secret">
        <input
          id={id}
          ref={input}
          class="input"
          readOnly
          value={props.text}
          spellcheck={false}
          autoComplete="off"
          onFocus={(event) => event.currentTarget.select()}
        />
        <Button icon="copy" onPress={() => void copy(props.text, input.current)}>
          Copy
        </Button>
      </div>
    </div>
  );
}

/** Where the browser gives no clipboard, as without TLS, the text is selected for the user to copy. */
async function copy(text: string, input: HTMLInputElement | null): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    say('Copied.');
  } catch {
    input?.focus();
    say('Your browser does not let this page copy. The text is selected: press Ctrl+C.');
  }
}
