import { startPageserver } from "../pageserver/pageserver";
import { runDaemon } from "../service";

runDaemon("pageserver", startPageserver);
