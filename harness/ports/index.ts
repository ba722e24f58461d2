export { assertPortFree } from "./assert-port-free";
export { PortLease, PortPool } from "./port-pool";
