import type { RunRecord, TableCell, TableRow } from "./run-record";

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly LabelledRow[];
}

interface LabelledRow extends TableRow {
  /** Why its test did not run, where it didn't. */
  readonly note: string | undefined;
}

/** The tables that the run's tests have filled, each test's last word. */
export function tablesOf(tests: RunRecord["tests"]): Table[] {
  const rows = tests.flatMap(({ attempts }): LabelledRow[] => {
    const last = attempts.at(-1);
    return last?.row === undefined ? [] : [{ ...last.row, note: last.note }];
  });
  return [...new Set(rows.map(({ title }) => title))].map((title) => {
    const own = rows.filter((row) => row.title === title);
    return { title, columns: [...new Set(own.flatMap(({ cells }) => cells.map(({ column }) => column)))], rows: own };
  });
}

/** For a terminal, or for a log. */
export function tableLines({ title, columns, rows }: Table): string[] {
  if (rows.some(({ shows }) => shows === "details")) return [title, ...rows.flatMap(detailLines)];
  const names = columnWidth([title, ...rows.map(({ name }) => name)]);
  const widths = columns.map((column) => columnWidth([column, ...rows.map((row) => stateOf(row, column))]));
  const line = (first: string, cells: readonly string[]): string =>
    [first.padEnd(names), ...cells.map((cell, at) => cell.padEnd(widths[at] ?? 0))].join("  ").trimEnd();
  return [
    line(title, columns),
    ...rows.map((row) =>
      row.cells.length === 0
        ? `${row.name.padEnd(names)}  ${row.note === undefined ? "no result" : `skipped: ${row.note}`}`
        : line(
            row.name,
            columns.map((column) => stateOf(row, column)),
          ),
    ),
  ];
}

const columnWidth = (texts: readonly string[]): number => Math.max(...texts.map(({ length }) => length));

export const cellOf = ({ cells }: TableRow, column: string): TableCell | undefined =>
  cells.find((cell) => cell.column === column);

const stateOf = (row: TableRow, column: string): string => cellOf(row, column)?.state ?? "";

function detailLines({ name, cells, note }: LabelledRow): string[] {
  if (cells.length === 0) return [`  ${name}: ${note === undefined ? "no result" : `skipped: ${note}`}`];
  return [
    `  ${name}`,
    ...cells.map(({ column, state, detail }) => `    ${column}: ${state === "ok" ? "" : `${state}: `}${detail}`),
  ];
}
