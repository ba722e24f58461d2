import { formatNumber } from "../results/format";
import type { Verdict } from "../results/verdict";
import { EXCLUDED } from "../results/verdict";
import { tag } from "./markup";

const [WIDTH, HEIGHT] = [360, 18];
/** Ratios beyond are drawn at the edge. */
const EDGE = 2;

/** B / A with its interval, on a logarithmic axis around 1; the band is what counts as no difference. */
export function ratioPlot({ ratio, low, high }: Verdict): string {
  const x = (value: number): number => {
    const inside = Math.min(EDGE, Math.max(1 / EDGE, value));
    return WIDTH / 2 + (Math.log(inside) / Math.log(EDGE)) * (WIDTH / 2 - 8);
  };
  const [left, right, y] = [x(1 / EXCLUDED), x(EXCLUDED), HEIGHT / 2];
  const line = (x1: number, x2: number, y1: number, y2: number, width: number, color: string): string =>
    tag("line", { x1, x2, y1, y2, stroke: color, "stroke-width": width });
  return tag(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, role: "img" },
    tag("rect", { x: left, width: right - left, y: 0, height: HEIGHT, fill: "currentColor", "fill-opacity": 0.08 }),
    line(x(1), x(1), 0, HEIGHT, 1, "currentColor"),
    line(x(low), x(high), y, y, 3, "var(--b)"),
    tag("circle", { cx: x(ratio), cy: y, r: 4.5, fill: "var(--b)" }, tag("title", {}, formatNumber(ratio))),
  );
}
