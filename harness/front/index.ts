export { Routes } from "./routes";
export { ServerlessFront } from "./serverless-front";
export { TlsFront } from "./tls-front";
export type { SeenSession } from "./tls-front";
