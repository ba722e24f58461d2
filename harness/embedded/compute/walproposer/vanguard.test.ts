import { expect, test } from "vitest";
import { Vanguard } from "./vanguard";

interface Member {
  name: string;
  flushLsn: bigint;
  connected: boolean;
}

function makeMembers(count: number): { vanguard: Vanguard<Member>; members: Member[]; names: () => string } {
  const vanguard = new Vanguard<Member>();
  const members = Array.from({ length: count }, (_, n) => ({ name: "abcde".charAt(n), flushLsn: 1n, connected: true }));
  for (const member of members) vanguard.add(member);
  const names = () =>
    members
      .filter((member) => member.connected && vanguard.includes(member))
      .map(({ name }) => name)
      .join("");
  return { vanguard, members, names };
}

test.each([
  [1, "a"],
  [2, "ab"],
  [3, "ab"],
  [4, "abc"],
  [5, "abc"],
])("of %d the vanguard is %s", (count, expected) => expect(makeMembers(count).names()).toBe(expected));

test("who is away makes room for another, and has its place again when it is back", () => {
  const { members, names } = makeMembers(3);
  const [first] = members as [Member];
  first.connected = false;
  expect(names()).toBe("bc");
  first.connected = true;
  expect(names()).toBe("ab");
});

test("one behind that answers first takes the place of the slowest", () => {
  const { vanguard, members, names } = makeMembers(3);
  const [first, second, third] = members as [Member, Member, Member];
  vanguard.neededAnswerOf(second);
  expect(names()).toBe("ab");
  first.flushLsn = 5n;
  third.flushLsn = 5n;
  vanguard.neededAnswerOf(third);
  expect(names()).toBe("ac");
  second.flushLsn = 9n;
  first.flushLsn = 9n;
  vanguard.neededAnswerOf(second);
  expect(names()).toBe("ab");
});
