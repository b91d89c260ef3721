import type { JSX } from 'preact';
import type { Pagination } from '../../key-service/console/wire.ts';
import { Button } from './button.tsx';

/** Which part of a list is shown, and the way to the others. It has its height also before anything is known. */
export function Pager(props: {
  readonly pagination: Pagination | null;
  readonly onOffset: (offset: number) => void;
}): JSX.Element {
  const { pagination, onOffset } = props;
  const { total, limit, offset, has_more: hasMore } = pagination ?? NOTHING;
  const number = (value: number): string => value.toLocaleString('en');
  return (
    <nav class="pager" aria-label="Pages of the list">
      <span class="quiet small" role="status">
        {total > 0 &&
          `${number(offset + 1)} to ${number(Math.min(offset + limit, total))} of ${number(total)}`}
      </span>
      <div class="row">
        <Button icon="back" disabled={offset === 0} onPress={() => onOffset(Math.max(0, offset - limit))}>
          Previous
        </Button>
        <Button icon="next" disabled={!hasMore} onPress={() => onOffset(offset + limit)}>
          Next
        </Button>
      </div>
    </nav>
  );
}

const NOTHING: Pagination = { total: 0, limit: 0, offset: 0, has_more: false };
