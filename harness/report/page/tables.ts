import { cellOf, tablesOf } from "../tables";
import type { RunRecord } from "../run-record";
import { el } from "./dom";

/** Tables that several tests have filled, such as each driver's checks. */
export function tables(run: RunRecord): Node[] {
  return tablesOf(run.tests).map(({ title, columns, rows }) => {
    const head = el("tr", {}, el("th", {}, title), ...columns.map((column) => el("th", {}, column)));
    const body = rows.map((row) => {
      if (row.cells.length === 0) {
        return el(
          "tr",
          { class: "skipped" },
          el("th", {}, row.name),
          el("td", { colspan: String(columns.length) }, row.note ?? ""),
        );
      }
      const cells = columns.map((column) => {
        const cell = cellOf(row, column);
        const text = row.shows === "details" ? cell?.detail : cell?.state;
        return el("td", { class: cell?.state ?? "", title: cell?.detail ?? "" }, text ?? "");
      });
      return el("tr", {}, el("th", {}, row.name), ...cells);
    });
    return el("section", { class: "table" }, el("table", {}, el("thead", {}, head), el("tbody", {}, ...body)));
  });
}
