import { PgError, type PgServerConnection } from "../../wire";
import { AUTH_ERROR, AuthError, type Claims, type JwtAuth } from "./auth";

function refused(options?: { closeAfter: true }): PgError {
  return new PgError(AUTH_ERROR, "XX000", options);
}

/** The tokens that libpq clients give as their password, checked at login and remembered for their queries. */
export class PgTokens {
  readonly #auth: JwtAuth | undefined;
  readonly #claims = new WeakMap<PgServerConnection, Claims>();
  readonly #mayLogIn: (claims: Claims) => boolean;

  /** Without `auth` everybody may do everything. */
  constructor(auth: JwtAuth | undefined, mayLogIn: (claims: Claims) => boolean = () => true) {
    this.#auth = auth;
    this.#mayLogIn = mayLogIn;
  }

  /** Asks for the token. Throws what the client is to be told before it is cut off. */
  async authenticate(connection: PgServerConnection, password: () => Promise<string>): Promise<void> {
    if (this.#auth === undefined) return;
    const claims = this.#decode(this.#auth, await password());
    if (!this.#mayLogIn(claims)) throw refused({ closeAfter: true });
    this.#claims.set(connection, claims);
  }

  /** Runs a check that throws AuthError; the client hears Neon's words for it and stays connected. */
  check(connection: PgServerConnection, permit: (claims: Claims) => void): void {
    const claims = this.#claims.get(connection);
    if (claims === undefined) return;
    try {
      permit(claims);
    } catch (error) {
      throw error instanceof AuthError ? refused() : error;
    }
  }

  #decode(auth: JwtAuth, token: string): Claims {
    try {
      return auth.decode(token);
    } catch (error) {
      throw error instanceof AuthError ? refused({ closeAfter: true }) : error;
    }
  }
}
