import * as library from "sorted-btree";

/** The package is CommonJS with an ES default: where its class ends up depends on who loads it. */
const nested = (library.default as { default?: typeof library.default }).default;
const SortedMap = nested ?? library.default;

/** A map whose entries come in the order of `compare`, from any key on; changes take O(log n). */
export function sortedMap<K, V>(compare: (a: K, b: K) => number) {
  return new SortedMap<K, V>(undefined, compare);
}
