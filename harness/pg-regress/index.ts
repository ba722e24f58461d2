export { testsFailed } from "./failure";
export { DIFFS, runSchedule } from "./regress-run";
export type { RegressTarget } from "./regress-run";
export { REGRESS_SUITES } from "./regress-suite";
export type { RegressSuite } from "./regress-suite";
export { findTestFiles } from "./test-files";
export type { TestFiles } from "./test-files";
export { judge } from "./verdict";
export type { Verdict } from "./verdict";
