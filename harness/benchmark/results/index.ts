export { formatNumber } from "./format";
export type { BenchmarkLine } from "./line";
export { againstBaseline } from "./baseline";
export { readResults } from "./result-file";
export { toSeries } from "./series";
export { summarize } from "./summary";
export { compareSides, describeVerdict, headline } from "./verdict";
export type { Verdict } from "./verdict";
export { writePage } from "../page/page";
