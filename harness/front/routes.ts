import { PgError } from "../wire";

/** Where a Postgres listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface RouteRequest {
  /** The name that the client's TLS was begun with. */
  readonly sni: string | undefined;
  /** The startup parameter `options`. */
  readonly options?: string | undefined;
}

export interface Route {
  readonly endpointId: string;
  readonly address: Address;
  /** `options` without what was meant for us; Postgres would refuse it. */
  readonly options: string;
}

const ENDPOINT_OPTION = /(?:^|\s)(?:endpoint|project)=(\S+)/;

/**
 * Which endpoint a connection is for, as Neon's proxy decides it: by the first label of the name in TLS' SNI
 * (`ep-quiet-sea-1.eu.example.com`), or by `options=endpoint=ep-quiet-sea-1` where a client sends no name.
 */
export class Routes {
  readonly #addresses = new Map<string, Address>();

  /** From now on; an endpoint that is restarted on another port is added again. */
  add(endpointId: string, address: Address): void {
    this.#addresses.set(endpointId, address);
  }

  /** Throws PgError, for the client to read. */
  find({ sni, options = "" }: RouteRequest): Route {
    const named = ENDPOINT_OPTION.exec(options)?.[1];
    const endpointId = named ?? sni?.split(".")[0];
    if (endpointId === undefined || endpointId === "") {
      throw refusal("no endpoint is named: the client sent no server name (SNI) and no options=endpoint=<endpoint id>");
    }
    const address = this.#addresses.get(endpointId);
    if (address === undefined) throw refusal(`there is no endpoint "${endpointId}" here`);
    return { endpointId, address, options: options.replace(ENDPOINT_OPTION, "").trim() };
  }
}

const refusal = (message: string): PgError => new PgError(message, "08004", { severity: "FATAL" });
