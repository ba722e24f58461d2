/** A folder of tests in the format of pg_regress, and the program of PostgreSQL's that runs it. */
export interface RegressSuite {
  readonly name: "core" | "isolation" | "neon";
  /** For people. */
  readonly title: string;
  /** Where its tests stand in PostgreSQL's source; Neon's own stand in Neon's. */
  readonly folder: string | undefined;
  readonly schedule: string;
  readonly program: RegressProgram;
  /** Which the tests run in, made anew. */
  readonly database: string;
  /** What the tests expect of postgresql.conf. */
  readonly configLines: readonly string[];
}

/** A runner, the folder of PostgreSQL's source and build that it belongs to, and what is built there for its tests. */
export interface RegressProgram {
  readonly name: string;
  readonly folder: string;
  readonly needs: readonly string[];
}

const PG_REGRESS: RegressProgram = { name: "pg_regress", folder: "src/test/regress", needs: ["regress.so"] };
const PG_ISOLATION_REGRESS: RegressProgram = {
  name: "pg_isolation_regress",
  folder: "src/test/isolation",
  needs: ["isolationtester"],
};

/** Neon shows some things otherwise (tablespaces, sizes) unless it is told that PostgreSQL's tests look on. */
const TEST_MODE = "neon.regress_test_mode = true";

export const REGRESS_SUITES: Readonly<Record<RegressSuite["name"], RegressSuite>> = {
  core: {
    name: "core",
    title: "PostgreSQL's core regression tests",
    folder: "src/test/regress",
    schedule: "parallel_schedule",
    program: PG_REGRESS,
    database: "regression",
    configLines: [TEST_MODE],
  },
  isolation: {
    name: "isolation",
    title: "PostgreSQL's isolation tests",
    folder: "src/test/isolation",
    schedule: "isolation_schedule",
    program: PG_ISOLATION_REGRESS,
    database: "isolation_regression",
    configLines: [TEST_MODE, "max_prepared_transactions = 100"],
  },
  neon: {
    name: "neon",
    title: "Neon's own SQL tests",
    folder: undefined,
    schedule: "parallel_schedule",
    program: PG_REGRESS,
    database: "regression",
    configLines: [TEST_MODE],
  },
};
