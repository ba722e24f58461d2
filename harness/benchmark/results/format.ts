/** Three digits that mean something: `0.00123`, `12.3`, `1,230`. */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString("en-US");
  if (size === 0 || (Number.isInteger(value) && size < 1000)) return String(value);
  return size >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
