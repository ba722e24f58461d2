"""What the programs here have in common: how checks are run and told of. See ../README.md."""

import re

CHECKS = "connect select parameters prepared rollback sqlstate rows copy cancel".split()


class Program:
    """Has a method for each check, which returns what it finds, and `close`."""

    def call(self, method):
        return getattr(self, method)()

    def words(self, error):
        return f"{type(error).__name__} {error}"

    def run(self):
        """Prints a line for each check, in their order; without a connection the rest isn't tried. Returns the exit code."""
        failed = 0
        for check in CHECKS:
            try:
                tell(check, "value", self.call(check))
            except Exception as error:
                failed = 1
                tell(check, "error", self.words(error))
                if check == "connect":
                    return failed
        self.call("close")
        return failed


def tell(check, kind, text):
    print(check, kind, re.sub(r"\s+", " ", str(text)), sep="\t", flush=True)


def total(numbers):
    listed = list(numbers)
    return f"{len(listed)} {sum(listed)}"
