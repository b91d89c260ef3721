import type { ComponentChildren, JSX } from 'preact';
import { useId } from 'preact/hooks';

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly hint?: ComponentChildren;
  /** What is wrong with the value, said by whoever judged it. */
  readonly wrong?: string | undefined;
}

/** What a control needs to be told of its hint and its mistake. */
function described(id: string, { hint, wrong }: Pick<FieldProps, 'hint' | 'wrong'>) {
  const ids = [hint !== undefined && `${id}-hint`, wrong !== undefined && `${id}-wrong`].filter(Boolean);
  return {
    id,
    ...(ids.length > 0 && { 'aria-describedby': ids.join(' ') }),
    ...(wrong !== undefined && { 'aria-invalid': 'true' as const }),
  };
}

function Labelled({
  id,
  label,
  hint,
  wrong,
  children,
}: FieldWords & { readonly children: ComponentChildren }) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children}
      {hint !== undefined && (
        <span class="hint" id={`${id}-hint`}>
          {hint}
        </span>
      )}
      {wrong !== undefined && (
        <span class="wrong" id={`${id}-wrong`} role="alert">
          {wrong}
        </span>
      )}
    </div>
  );
}

interface FieldWords extends Pick<FieldProps, 'label' | 'hint' | 'wrong'> {
  readonly id: string;
}

interface Attributes {
  readonly type?: 'text' | 'email' | 'password' | 'search';
  readonly inputMode?: 'numeric';
  readonly autoComplete?: string;
  readonly placeholder?: string;
  readonly pattern?: string;
  readonly maxLength?: number;
  readonly minLength?: number;
  readonly list?: string;
  readonly required?: boolean;
  readonly autoFocus?: boolean;
  readonly readOnly?: boolean;
}

export function TextField(
  props: FieldProps & Attributes & { readonly class?: string; readonly search?: boolean },
): JSX.Element {
  const { label, value, onChange, hint, wrong, search, class: className, ...attributes } = props;
  const id = useId();
  return (
    <Labelled id={id} label={label} hint={hint} wrong={wrong}>
      <input
        {...(attributes as object)}
        {...described(id, { hint, wrong })}
        {...(search === true && { 'data-search': '', 'aria-keyshortcuts': '/' })}
        class={`input ${className ?? ''}`}
        value={value}
        spellcheck={false}
        autocapitalize="off"
        onInput={(event) => onChange(event.currentTarget.value)}
      />
    </Labelled>
  );
}

export interface Choice {
  readonly value: string;
  readonly label: string;
}

export function ChoiceField(props: FieldProps & { readonly choices: readonly Choice[] }): JSX.Element {
  const { label, value, onChange, hint, wrong, choices } = props;
  const id = useId();
  return (
    <Labelled id={id} label={label} hint={hint} wrong={wrong}>
      <select
        {...described(id, { hint, wrong })}
        class="input"
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      >
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.label}
          </option>
        ))}
      </select>
    </Labelled>
  );
}
