import "../service/small-heap";
import { startSafekeeper } from "../safekeeper/safekeeper";
import { runDaemon } from "../service";

runDaemon("safekeeper", startSafekeeper);
