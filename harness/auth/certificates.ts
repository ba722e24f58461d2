import type { webcrypto } from "node:crypto";
import { isIP } from "node:net";
import type * as X509 from "@peculiar/x509";

const DAY_MS = 24 * 3600 * 1000;
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** PEM both; the key is PKCS8. */
export interface KeyedCertificate {
  readonly certificate: string;
  readonly privateKey: string;
}

export interface CertificateOptions {
  /** Host names; `127.0.0.1` and the like are addresses. */
  readonly hosts: readonly [string, ...string[]];
  /** Its last day was yesterday. */
  readonly expired?: boolean;
}

/** Loading it takes 50 ms, which only the tests that need it should wait. */
async function x509(): Promise<typeof X509> {
  await import("reflect-metadata");
  return import("@peculiar/x509");
}

/** An authority of one test's own: who trusts it trusts nothing that outlives the test. */
export class CertificateAuthority {
  readonly #own: X509.X509Certificate;
  readonly #keys: webcrypto.CryptoKeyPair;

  private constructor(own: X509.X509Certificate, keys: webcrypto.CryptoKeyPair) {
    this.#own = own;
    this.#keys = keys;
  }

  static async create(name: string): Promise<CertificateAuthority> {
    const { BasicConstraintsExtension, KeyUsageFlags, KeyUsagesExtension, ...rest } = await x509();
    const keys = await newKeys();
    const own = await rest.X509CertificateGenerator.createSelfSigned({
      name: `CN=${name}`,
      keys,
      ...period(30, 30),
      signingAlgorithm: ALGORITHM,
      extensions: [
        new BasicConstraintsExtension(true, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await rest.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return new CertificateAuthority(own, keys);
  }

  /** PEM: what a client is to trust. */
  get certificate(): string {
    return this.#own.toString("pem");
  }

  /** A server's. It began days ago: the clocks of containers and machines may differ. */
  async issue({ hosts, expired = false }: CertificateOptions): Promise<KeyedCertificate> {
    const { BasicConstraintsExtension, ExtendedKeyUsage, KeyUsageFlags, KeyUsagesExtension, ...rest } = await x509();
    const keys = await newKeys();
    const made = await rest.X509CertificateGenerator.create({
      subject: `CN=${hosts[0]}`,
      issuer: this.#own.subject,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: ALGORITHM,
      ...period(10, expired ? -1 : 30),
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new rest.ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new rest.SubjectAlternativeNameExtension(hosts.map(alternativeName)),
        await rest.SubjectKeyIdentifierExtension.create(keys.publicKey),
        // Python 3.13 and others refuse a certificate without it.
        await rest.AuthorityKeyIdentifierExtension.create(this.#own.publicKey),
      ],
    });
    const key = await crypto.subtle.exportKey("pkcs8", keys.privateKey);
    return { certificate: made.toString("pem"), privateKey: rest.PemConverter.encode(key, "PRIVATE KEY") };
  }
}

const alternativeName = (value: string): { type: "ip" | "dns"; value: string } => ({
  type: isIP(value) === 0 ? "dns" : "ip",
  value,
});

const newKeys = (): Promise<webcrypto.CryptoKeyPair> => crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);

const period = (daysBefore: number, daysAfter: number): { notBefore: Date; notAfter: Date } => ({
  notBefore: new Date(Date.now() - daysBefore * DAY_MS),
  notAfter: new Date(Date.now() + daysAfter * DAY_MS),
});
