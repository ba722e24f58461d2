export { AuthKeys } from "./auth-keys";
export { CertificateAuthority } from "./certificates";
export type { KeyedCertificate } from "./certificates";
export { AUTH_SCOPES } from "./token";
export type { AuthClaims, AuthScope } from "./token";
