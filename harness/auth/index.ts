export { AuthKeys } from "./auth-keys";
export { AUTH_SCOPES } from "./token";
export type { AuthClaims, AuthScope } from "./token";
