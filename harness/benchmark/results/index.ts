export { formatNumber } from "./format";
export type { BenchmarkLine } from "./line";
export { readResults } from "./result-file";
export { toSeries } from "./series";
export { summarize } from "./summary";
export { writePage } from "../page/page";
