"""pg8000: what every program here does; see ../../README.md."""

import io
import os
import ssl
import sys
import threading
import time

import pg8000.native
from pg8000.exceptions import DatabaseError

from program import Program, total

settings = {
    "host": os.environ["NEON_HOST"],
    "port": int(os.environ.get("NEON_PORT", "5432")),
    "database": os.environ["NEON_DATABASE"],
    "user": os.environ["NEON_USER"],
    "password": os.environ["NEON_PASSWORD"],
    # It verifies chain and host name; without a file it trusts the system's authorities.
    "ssl_context": ssl.create_default_context(cafile=os.environ.get("NEON_CA")),
}


class Client(Program):
    """The checks of one connection."""

    connection: pg8000.native.Connection

    def words(self, error):
        """The server's errors are dictionaries: C is the SQLSTATE, M the message."""
        fields = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
        own = f"{fields['C']} {fields['M']}" if fields else f"{error} {error.__cause__ or ''}"
        return f"{type(error).__name__} {own}"

    def value(self, query, **parameters):
        return self.connection.run(query, **parameters)[0][0]

    def connect(self):
        self.connection = pg8000.native.Connection(**settings)
        return self.value("select current_user")

    def select(self):
        return self.value("select 1")

    def parameters(self):
        return self.value("select cast(:number as int) + length(cast(:text as text))", number=38, text="žába")

    def prepared(self):
        statement = self.connection.prepare("select cast(:number as int) * 10")
        try:
            return " ".join(str(statement.run(number=value)[0][0]) for value in (1, 2, 3))
        finally:
            statement.close()

    def rollback(self):
        count = "select count(*) from numbers"
        self.connection.run("create temp table numbers (i int primary key)")
        self.connection.run("start transaction")
        self.connection.run("insert into numbers values (1)")
        within = self.value(count)
        self.connection.run("rollback")
        return f"{within} {self.value(count)}"

    def sqlstate(self):
        return refusal(lambda: self.connection.run("select 1 / 0"))

    def rows(self):
        return total(row[0] for row in self.connection.run("select generate_series(1, 1000)"))

    def copy(self):
        self.connection.run("copy numbers from stdin", stream=[f"{i}\n" for i in range(1, 1001)])
        copied = io.BytesIO()
        self.connection.run("copy numbers to stdout", stream=copied)
        return total(int(line) for line in copied.getvalue().split())

    def cancel(self):
        """The driver has no request to cancel a query, so a second session asks the server."""
        pid = self.value("select pg_backend_pid()")
        thread = threading.Thread(target=cancel_from_another, args=(pid,), daemon=True)
        thread.start()
        try:
            return refusal(lambda: self.connection.run("select pg_sleep(30)"))
        finally:
            thread.join()

    def close(self):
        try:
            self.connection.close()
        except (pg8000.native.InterfaceError, OSError) as error:
            print(f"closing: {error}", file=sys.stderr)


def cancel_from_another(pid):
    """Asks until the query is under way; if the server is gone, that query tells of it."""
    try:
        other = pg8000.native.Connection(**settings)
        asleep = "select pg_cancel_backend(pid) from pg_stat_activity where pid = :pid and wait_event = 'PgSleep'"
        for _ in range(500):
            if other.run(asleep, pid=pid):
                break
            time.sleep(0.05)
        other.close()
    except (pg8000.native.InterfaceError, OSError) as error:
        print(f"the second session: {error}", file=sys.stderr)


def refusal(work):
    """The SQLSTATE with which the server refuses."""
    try:
        work()
    except DatabaseError as error:
        return error.args[0]["C"]
    return "no error"


sys.exit(Client().run())
