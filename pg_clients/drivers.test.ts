import { clientDrivers, expect, test } from "../fixtures";

/** A compiler may have to bring and build a hundred libraries first. */
const timeout = 20 * 60_000;

for (const driver of clientDrivers()) {
  test(driver.name, { timeout }, async ({ clientProgram, clientServer, tellRow }) => {
    const row = { title: "drivers", name: driver.name };
    tellRow({ ...row, cells: [] });
    const program = await clientProgram(driver);
    const server = await clientServer();
    const { results, problems } = await program.run(server.target);
    const cells = results.map(({ check, state, detail }) => ({ column: check, state, detail }));
    tellRow({ ...row, cells: [{ column: "runner", state: program.runner, detail: "" }, ...cells] });
    if (problems !== "") expect.fail(problems);
    // A remote doesn't tell; of our own server we know that it was asked for by name, over TLS.
    const names = server.serverNames?.();
    if (names !== undefined) expect(new Set(names)).toEqual(new Set([program.hostOf(server.target)]));
  });
}
