export { REGRESS_SUITES } from "./regress-suite";
export type { RegressSuite } from "./regress-suite";
export { runRegressSuite } from "./regress-run";
export type { RegressOutcome, RegressTarget } from "./regress-run";
export { findTestFiles } from "./test-files";
export type { TestFiles } from "./test-files";
