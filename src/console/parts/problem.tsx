import type { JSX } from 'preact';
import type { Problem } from '../../key-service/console/wire.ts';
import { Button } from './button.tsx';
import { Notice } from './tag.tsx';

/** What went wrong, and the way on. */
export function ProblemNotice(props: {
  readonly problem: Problem | null;
  readonly onRetry?: () => void;
}): JSX.Element | null {
  const { problem, onRetry } = props;
  if (problem === null) return null;
  return (
    <Notice tone="bad" role="alert">
      <span>{problem.detail}</span>
      {onRetry !== undefined && <Button onPress={onRetry}>Try again</Button>}
    </Notice>
  );
}

/** What is wrong apart from the fields that say it themselves. */
export function FormProblem(props: {
  readonly problem: Problem | null;
  readonly fields: readonly string[];
}): JSX.Element | null {
  const { problem, fields } = props;
  const others = problem?.errors?.filter(({ field }) => !fields.includes(field)) ?? [];
  if (problem === null || (problem.errors !== undefined && others.length === 0 && problem.errors.length > 0))
    return null;
  const detail =
    others.length === 0
      ? problem.detail
      : others.map(({ field, message }) => `${field}: ${message}`).join(' ');
  return <ProblemNotice problem={{ ...problem, detail }} />;
}
