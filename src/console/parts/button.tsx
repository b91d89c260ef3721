import type { ComponentChildren, JSX } from 'preact';
import { Icon, type IconName } from './icon.tsx';

interface ButtonProps {
  /** `first` is what the place is for; `grave` cannot be taken back. */
  readonly tone?: 'first' | 'grave' | 'bare';
  readonly icon?: IconName;
  /** Left out, the button sends the form it is in. */
  readonly onPress?: () => void;
  readonly busy?: boolean;
  readonly disabled?: boolean;
  readonly autoFocus?: boolean;
  readonly children: ComponentChildren;
}

export function Button({
  tone,
  icon,
  onPress,
  busy,
  disabled,
  autoFocus,
  children,
}: ButtonProps): JSX.Element {
  return (
    <button
      type={onPress === undefined ? 'submit' : 'button'}
      class={`button ${tone ?? ''}`}
      onClick={onPress}
      disabled={busy === true || disabled === true}
      aria-busy={busy === true}
      autoFocus={autoFocus}
    >
      {icon !== undefined && <Icon name={icon} />}
      {children}
    </button>
  );
}

/** A button that is an icon alone; its label is read out and shown on hovering. */
export function IconButton(props: {
  readonly icon: IconName;
  readonly label: string;
  readonly onPress: () => void;
}): JSX.Element {
  return (
    <button
      type="button"
      class="button bare square"
      aria-label={props.label}
      title={props.label}
      onClick={props.onPress}
    >
      <Icon name={props.icon} />
    </button>
  );
}
