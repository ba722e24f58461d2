import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { freePort } from "../testing";
import { ControllerProxy } from "./controller-proxy";

/** A controller that answers with what it was asked. */
async function echo(name: string): Promise<string> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      response.writeHead(request.url === "/missing" ? 404 : 201, { "x-name": name });
      response.end([request.method, request.url, request.headers.authorization, Buffer.concat(chunks)].join(" "));
    });
  });
  onTestFinished(() => void server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("requests go to the controller that is routed to, whole, and so do the answers come back", async () => {
  await using proxy = new ControllerProxy(await freePort());
  await proxy.listen();
  const before = await fetch(`${proxy.url}/ready`);
  expect([before.status, await before.json()]).toEqual([503, { msg: "the proxy routes to no storage controller yet" }]);

  proxy.routeTo(await echo("first"));
  // Neither a query string nor a body that is no JSON gets lost.
  const answer = await fetch(`${proxy.url}/v1/tenant?drop=true&x=%20`, {
    method: "PUT",
    body: "no json",
    headers: { authorization: "Bearer token" },
  });
  expect(answer.status).toBe(201);
  expect(answer.headers.get("x-name")).toBe("first");
  expect(await answer.text()).toBe("PUT /v1/tenant?drop=true&x=%20 Bearer token no json");

  proxy.routeTo(await echo("second"));
  const missing = await fetch(`${proxy.url}/missing`);
  expect([missing.status, missing.headers.get("x-name")]).toEqual([404, "second"]);
});

test("a controller that is gone is a 503 that says so", async () => {
  await using proxy = new ControllerProxy(await freePort());
  await proxy.listen();
  proxy.routeTo(`http://127.0.0.1:${await freePort()}`);
  const answer = await fetch(`${proxy.url}/ready`);
  expect(answer.status).toBe(503);
  expect(await answer.text()).toContain("ECONNREFUSED");
});
