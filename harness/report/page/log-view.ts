import { colorOf, el } from "./dom";
import type { LogLine } from "./model";

const MOST_ROWS = 5000;

/** The nodes' logs, merged by time; nodes can be left out, lines found. */
export class LogView {
  readonly element: HTMLElement;
  readonly #lines: readonly LogLine[];
  readonly #list = el("div", { class: "log", tabindex: 0 });
  readonly #hidden = new Set<string>();
  readonly #search = el("input", { type: "search", placeholder: "in the logs" });
  #only = "";

  constructor(lines: readonly LogLine[]) {
    this.#lines = lines;
    const nodes = [...new Set(lines.map(({ node }) => node))].toSorted();
    this.#search.addEventListener("input", () => {
      this.#only = this.#search.value.toLowerCase();
      this.#fill();
    });
    this.element = el(
      "div",
      { class: "logs" },
      el("nav", {}, ...nodes.map((node) => this.#toggle(node)), this.#search),
      this.#list,
    );
    this.#fill();
  }

  /** Of a line that an error quotes, whole or its beginning; the last one, for a tail is quoted. */
  indexOf(quoted: string): number {
    const start = quoted.replace(/…$/, "").trim();
    return start === "" ? -1 : this.#lines.findLastIndex(({ text }) => text.trim().startsWith(start));
  }

  /** Scrolls to a line and marks it, whatever was left out. */
  show(index: number): void {
    this.#hidden.clear();
    this.#only = "";
    this.#search.value = "";
    for (const button of this.element.querySelectorAll("button")) button.setAttribute("aria-pressed", "true");
    this.#fill(index);
    for (const marked of this.#list.querySelectorAll(".marked")) marked.classList.remove("marked");
    const row = this.#list.querySelector(`[data-index="${index}"]`);
    row?.classList.add("marked");
    row?.scrollIntoView({ block: "center" });
  }

  showTime(at: number): void {
    const index = this.#lines.findIndex((line) => line.at >= at);
    this.show(index < 0 ? this.#lines.length - 1 : index);
  }

  #toggle(node: string): HTMLElement {
    const button = el("button", { "aria-pressed": "true", style: `--node:${colorOf(node)}` }, node);
    button.addEventListener("click", () => {
      const isShown = this.#hidden.delete(node);
      if (!isShown) this.#hidden.add(node);
      button.setAttribute("aria-pressed", String(isShown));
      this.#fill();
    });
    return button;
  }

  /** As many rows as a page bears: those around `index`, or the last ones, where a failure shows. */
  #fill(index = this.#lines.length): void {
    const rows = this.#lines
      .map((line, at) => ({ line, at }))
      .filter(({ line }) => !this.#hidden.has(line.node) && line.text.toLowerCase().includes(this.#only));
    const position = rows.findIndex(({ at }) => at >= index);
    const last = Math.max(Math.min(rows.length, (position < 0 ? rows.length : position) + MOST_ROWS / 2), MOST_ROWS);
    const part = rows.slice(Math.max(0, last - MOST_ROWS), last);
    this.#list.replaceChildren(...part.map(({ line, at }) => rowOf(line, at)));
    if (rows.length > part.length)
      this.#list.prepend(el("p", { class: "note" }, `${rows.length - part.length} more lines`));
  }
}

function rowOf({ node, text, at, isBad }: LogLine, index: number): HTMLElement {
  const time = new Date(at).toISOString().slice(11, 23);
  return el(
    "div",
    { class: isBad ? "row bad" : "row", "data-index": index },
    el("time", {}, time),
    el("b", { style: `color:${colorOf(node)}` }, node),
    el("span", {}, text),
  );
}
