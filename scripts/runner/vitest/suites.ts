/** The clone's. */
export const SUITES = ["regress", "performance", "pg_clients", "sql", "harness"] as const;
/** The only suite of any other project: all its tests. */
export const FOREIGN_SUITE = "tests";

export type Suite = (typeof SUITES)[number] | typeof FOREIGN_SUITE;
