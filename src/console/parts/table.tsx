import type { ComponentChildren, JSX } from 'preact';

export interface Column<Row> {
  readonly name: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** Right-aligned, with figures of one width. */
  readonly number?: boolean;
  /** The cell that names its row. */
  readonly head?: boolean;
  /** Cut where it is long. */
  readonly clip?: boolean;
}

interface TableProps<Row> {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  /** Null while nothing has arrived: as many grey rows are shown. */
  readonly rows: readonly Row[] | null;
  readonly expected?: number;
  readonly rowKey: (row: Row) => string;
  readonly empty: ComponentChildren;
}

/** On a phone each row folds into a card; see data.css. */
export function Table<Row>(props: TableProps<Row>): JSX.Element {
  const { caption, columns, rows, rowKey, empty, expected = 8 } = props;
  if (rows?.length === 0) return <div class="sheet">{empty}</div>;
  return (
    <div class="sheet folds" tabIndex={0} role="region" aria-label={caption} aria-busy={rows === null}>
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.name} scope="col" class={column.number === true ? 'number' : ''}>
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows === null
            ? Array.from({ length: expected }, (_, i) => <Bones key={i} columns={columns} />)
            : rows.map((row) => (
                <tr key={rowKey(row)}>
                  {columns.map((column) => (
                    <Cell key={column.name} column={column} row={row} />
                  ))}
                </tr>
              ))}
        </tbody>
      </table>
    </div>
  );
}

function Cell<Row>({ column, row }: { readonly column: Column<Row>; readonly row: Row }): JSX.Element {
  const className = `${column.number === true ? 'number' : ''} ${column.clip === true ? 'clip' : ''}`;
  return column.head === true ? (
    <th scope="row" class={className} data-column={column.name}>
      {column.cell(row)}
    </th>
  ) : (
    <td class={className} data-column={column.name}>
      {column.cell(row)}
    </td>
  );
}

function Bones<Row>({ columns }: { readonly columns: readonly Column<Row>[] }): JSX.Element {
  return (
    <tr>
      {columns.map((column) => (
        <td key={column.name}>
          <span class="bones" />
        </td>
      ))}
    </tr>
  );
}
