import { expect, test } from "vitest";
import { WalRing } from "./wal-ring";

test("gives back what was appended, across the wrap, and forgets the oldest bytes", () => {
  const ring = new WalRing(0x1005n, 16);
  ring.append(Buffer.from("abcdefghij"));
  expect(ring.view(0x1005n, 4).toString()).toBe("abcd");
  ring.append(Buffer.from("klmnopqrst"));
  expect(ring.end).toBe(0x1005n + 20n);
  expect(ring.start).toBe(0x1005n + 4n);
  let text = "";
  for (let at = ring.start; at < ring.end;) {
    const piece = ring.view(at, 100).toString();
    text += piece;
    at += BigInt(piece.length);
  }
  expect(text).toBe("efghijklmnopqrst");
  expect(() => ring.view(0x1005n, 1)).toThrow(RangeError);
  expect(() => ring.append(Buffer.alloc(17))).toThrow(RangeError);
});
