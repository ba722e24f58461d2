"""A pytest plugin: one line of JSON per phase of a test, into the file that BENCH_PHASES names."""

import json
import os


def pytest_runtest_logreport(report):
    # With xdist, workers and the process that started them all hear of every phase.
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    phase = {
        "test": report.nodeid,
        "phase": report.when,
        "outcome": report.outcome,
        "seconds": report.duration,
    }
    with open(os.environ["BENCH_PHASES"], "a") as out:
        out.write(json.dumps(phase) + "\n")
