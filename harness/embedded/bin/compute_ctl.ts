import { runComputeCtl } from "../compute/main";

void runComputeCtl();
