export interface Certificate {
  /** PEM. It signs itself, so it is its own authority, too. */
  readonly certificate: string;
  /** PEM, PKCS8. */
  readonly privateKey: string;
}

/** A certificate for these host names (`localhost`, `*.localtest.me`), for 127.0.0.1 as well; good for a year. */
export async function selfSignedCertificate(hosts: readonly [string, ...string[]]): Promise<Certificate> {
  // Loading it takes 50 ms, which only the tests that need it should wait.
  const { generate } = await import("selfsigned");
  const names = hosts.map((value) => ({ type: 2 as const, value }));
  const made = await generate([{ name: "commonName", value: hosts[0] }], {
    keyType: "ec",
    curve: "P-256",
    algorithm: "sha256",
    extensions: [
      { name: "basicConstraints", cA: true },
      { name: "subjectAltName", altNames: [...names, { type: 7, ip: "127.0.0.1" }] },
    ],
  });
  return { certificate: made.cert, privateKey: made.private };
}
