type Attributes = Readonly<Record<string, string | number | ((event: Event) => void) | undefined>>;

/** An element with attributes, listeners (`onclick`) and children; text is never read as HTML. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;

/** One colour per node, the same wherever it is named. */
export function colorOf(node: string): string {
  const hash = Array.from(node).reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) % 360, 7);
  return `hsl(${hash} 65% 42%)`;
}
