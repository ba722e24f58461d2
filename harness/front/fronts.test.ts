import { X509Certificate } from "node:crypto";
import net from "node:net";
import { Client } from "pg";
import { expect, onTestFinished, test } from "vitest";
import { CertificateAuthority } from "../auth";
import { encodeStartupPacket, PgServer } from "../wire";
import { Routes } from "./routes";
import { ServerlessFront } from "./serverless-front";
import { TlsFront } from "./tls-front";

/** A server that tells who it is, behind both fronts, and the authority that vouches for them. */
async function startFronts(hosts: [string, ...string[]] = ["localhost"]) {
  const backend = await PgServer.listen({
    host: "127.0.0.1",
    port: 0,
    handler: {
      query: (conn) => {
        conn.sendRows(["options"], [[conn.parameters.get("options") ?? "none"]]);
        return Promise.resolve();
      },
    },
  });
  const authority = await CertificateAuthority.create("a test's");
  const certificate = await authority.issue({ hosts });
  const routes = new Routes();
  routes.add("localhost", { host: "127.0.0.1", port: backend.port });
  routes.add("ep-1", { host: "127.0.0.1", port: backend.port });
  const front = await TlsFront.listen(certificate, routes);
  const serverless = await ServerlessFront.listen(certificate, routes);
  onTestFinished(async () => {
    await Promise.all([front.close(), serverless.close()]);
    await backend.close();
  });
  return { front, serverless, ca: authority.certificate };
}

async function ask(port: number, ssl: object | false, options?: string): Promise<unknown> {
  const client = new Client({ host: "127.0.0.1", port, user: "u", database: "d", ssl, ...(options && { options }) });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return (await client.query("who")).rows[0];
  } finally {
    await client.end();
  }
}

test("an endpoint is found by the first label of the server name, and by options where it is asked for so", async () => {
  const { front, ca } = await startFronts(["localhost", "ep-1.neon.test"]);
  await expect(ask(front.port, { ca, servername: "ep-1.neon.test" })).resolves.toEqual({ options: "none" });
  await expect(ask(front.port, { ca, servername: "localhost" }, "-c geqo=off endpoint=ep-1")).resolves.toEqual({
    options: "-c geqo=off",
  });
  expect(front.seen.map(({ sni, endpointId, user }) => [sni, endpointId, user])).toEqual([
    ["ep-1.neon.test", "ep-1", "u"],
    ["localhost", "ep-1", "u"],
  ]);
});

test.for([
  { name: "without TLS", ssl: () => false as const, says: /connections without TLS are refused/ },
  {
    name: "for an endpoint that nobody knows",
    ssl: (ca: string) => ({ ca, servername: "ep-9.neon.test", checkServerIdentity: () => undefined }),
    says: /there is no endpoint "ep-9" here/,
  },
  {
    name: "without a name",
    // Node sends none for an address.
    ssl: (ca: string) => ({ ca, checkServerIdentity: () => undefined }),
    says: /no endpoint is named/,
  },
])("a client $name is told what is wrong", async ({ ssl, says }) => {
  const { front, ca } = await startFronts();
  await expect(ask(front.port, ssl(ca))).rejects.toThrow(says);
});

test("a client that doesn't trust the certificate says nothing to the front", async () => {
  const { front } = await startFronts();
  const { certificate: ca } = await CertificateAuthority.create("somebody else's");
  await expect(ask(front.port, { ca, servername: "localhost" })).rejects.toThrow(/certificate/);
  expect(front.seen).toEqual([]);
});

test("a front that is to go away at some words does, and takes nobody any more", async () => {
  const { front, ca } = await startFronts();
  front.goAwayAt("who");
  await expect(ask(front.port, { ca, servername: "localhost" })).rejects.toThrow(/terminated|reset/i);
  await expect(ask(front.port, { ca, servername: "localhost" })).rejects.toThrow(/ECONNREFUSED/);
});

test("a request to cancel with a key that nobody was given is closed without a word, as by Postgres", async () => {
  const { front } = await startFronts();
  const request = Buffer.alloc(16);
  [16, 80877102, 1, 2].forEach((value, index) => request.writeInt32BE(value, index * 4));
  const answer = await talk(front.port, request);
  expect(answer).toHaveLength(0);
  expect(front.seen).toMatchObject([{ kind: "cancel", tls: undefined }]);
});

test.for([
  { name: "encryption by GSSAPI, then none", head: Buffer.from([0, 0, 0, 8, 4, 210, 22, 48]), begins: "N" },
  { name: "no encryption", head: Buffer.alloc(0), begins: "E" },
])("$name: the front answers as Postgres does", async ({ head, begins }) => {
  const { front } = await startFronts();
  const answer = await talk(front.port, Buffer.concat([head, encodeStartupPacket(new Map([["user", "u"]]))]));
  expect(answer.toString("latin1", 0, 1)).toBe(begins);
  expect(answer.toString("latin1")).toContain("connections without TLS are refused");
});

test("HTTP without a connection string, and rubbish for a body, are refused in JSON", async () => {
  const { serverless } = await startFronts();
  const { request } = await import("node:https");
  const post = (headers: Record<string, string>, body: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const options = { host: "127.0.0.1", port: serverless.port, path: "/sql", method: "POST", headers };
      request({ ...options, rejectUnauthorized: false }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
        response.once("end", () => resolve(`${response.statusCode} ${text}`));
      })
        .once("error", reject)
        .end(body);
    });
  expect(await post({}, `{"query":"select 1"}`)).toMatch(/^400 \{"message":"/);
  expect(await post({ "neon-connection-string": "postgresql://u:p@localhost/d" }, "rubbish")).toMatch(/^400 .*JSON/);
  expect(await post({ "neon-connection-string": "postgresql://u:p@ep-9.x/d" }, `{"query":"select 1"}`)).toMatch(
    /^400 .*there is no endpoint/,
  );
});

test("certificates are what they are asked to be", async () => {
  const authority = await CertificateAuthority.create("an authority");
  const own = new X509Certificate(authority.certificate);
  const good = new X509Certificate((await authority.issue({ hosts: ["a.test", "127.0.0.1"] })).certificate);
  const old = new X509Certificate((await authority.issue({ hosts: ["a.test"], expired: true })).certificate);
  expect(good.checkIssued(own) && good.verify(own.publicKey)).toBe(true);
  expect([good.checkHost("a.test"), good.checkHost("b.test"), good.checkIP("127.0.0.1")]).toEqual([
    "a.test",
    undefined,
    "127.0.0.1",
  ]);
  expect(new Date(good.validTo) > new Date()).toBe(true);
  expect(new Date(old.validTo) < new Date()).toBe(true);
  const foreign = new X509Certificate((await CertificateAuthority.create("an authority")).certificate);
  expect(good.verify(foreign.publicKey)).toBe(false);
});

/** What comes back until the other side closes. */
function talk(port: number, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = net.connect(port, "127.0.0.1", () => socket.write(bytes));
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.once("error", reject);
    socket.once("close", () => resolve(Buffer.concat(chunks)));
  });
}
