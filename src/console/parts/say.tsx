import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';

const SHOWN_MS = 4_000;
let hear: (text: string) => void = () => undefined;

/** Tells, and has it read out, what has just been done. */
export function say(text: string): void {
  hear(text);
}

/** The one place where that is shown. */
export function Spoken(): JSX.Element {
  const [text, setText] = useState('');
  useEffect(() => {
    let timer = 0;
    hear = (next) => {
      window.clearTimeout(timer);
      setText(next);
      timer = window.setTimeout(() => setText(''), SHOWN_MS);
    };
    return () => window.clearTimeout(timer);
  }, []);
  return (
    <div class="toast" role="status">
      {text}
    </div>
  );
}
