import { expect, test } from "vitest";
import { describeUser, resolveTestUser } from "./identity";

const asRoot = test.runIf(process.getuid?.() === 0);

test.skipIf(process.getuid?.() === 0)("who is not root runs everything as itself", () => {
  expect(resolveTestUser({ NEON_TEST_USER: "no-such-user" })).toBeUndefined();
  expect(describeUser(undefined)).toBe(`uid ${process.getuid?.()}`);
});

asRoot("root drops to nobody, or to whom NEON_TEST_USER names", () => {
  const nobody = resolveTestUser({});
  expect(nobody?.name).toBe("nobody");
  expect(nobody?.uid).toBeGreaterThan(0);
  expect(describeUser(nobody)).toBe(`nobody (uid ${nobody?.uid}), for the run was started by root`);
  expect(resolveTestUser({ NEON_TEST_USER: "daemon" })?.name).toBe("daemon");
});

asRoot.for<[string, string]>([
  ["no-such-user-here", "no such user on this machine"],
  ["root", "that user is root, too"],
  ["--help", "no such user on this machine"],
])("NEON_TEST_USER=%s is an error that says what to do", ([name, found]) => {
  expect(() => resolveTestUser({ NEON_TEST_USER: name })).toThrow(
    new RegExp(`^NO_TEST_USER: [\\s\\S]*NEON_TEST_USER[\\s\\S]*found: ${found}\\n {2}to do: set NEON_TEST_USER`),
  );
});
