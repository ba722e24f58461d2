import { readFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { validate } from "dockerfile-utils";
import { expect, test } from "vitest";
import { readDrivers } from "./driver";

const drivers = readDrivers(resolve("pg_clients"));
const readme = readFileSync(resolve("pg_clients/README.md"), "utf8");

test("there are the drivers of the original and those that users ask for most", () => {
  const names = drivers.map(({ name }) => name);
  expect(names.length).toBeGreaterThanOrEqual(17);
  for (const name of names) expect(readme, `${name} has no line in pg_clients/README.md`).toContain(`\`${name}\``);
});

test.for(drivers.map(({ name, folder, lock }) => ({ name, folder, lock })))(
  "$name's Dockerfile is without fault",
  ({ folder, lock }) => {
    const text = readFileSync(join(folder, "Dockerfile"), "utf8");
    expect(validate(text)).toEqual([]);
    expect(text).toMatch(/^ARG BASE=\S+:\S+\n/);
    expect(text).toMatch(/^USER \d+$/m);
    expect(text).toMatch(/^CMD \[".+"\]$/m);
    // Dependencies are a layer of their own, which a changed program leaves as it is.
    const firstCopy = /^COPY (.*) \S+$/m.exec(text)?.[1]?.split(" ");
    for (const file of lock) expect(firstCopy).toContain(`${basename(folder)}/${file}`);
  },
);

test("the linter finds faults", () => {
  expect(validate("ARG BASE=a:b\nFORM ${BASE}\nCMD ['x']\n").length).toBeGreaterThan(0);
});
