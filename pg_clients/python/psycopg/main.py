"""psycopg 3: what every program here does; see ../../README.md."""

import os
import ssl
import sys
import threading

import psycopg

from program import Program, total

settings = {
    "host": os.environ["NEON_HOST"],
    "port": os.environ.get("NEON_PORT", "5432"),
    "dbname": os.environ["NEON_DATABASE"],
    "user": os.environ["NEON_USER"],
    "password": os.environ["NEON_PASSWORD"],
    "sslmode": "verify-full",
    # The wheel brings an OpenSSL of its own, which doesn't know where the system keeps its authorities.
    "sslrootcert": os.environ.get("NEON_CA") or ssl.get_default_verify_paths().cafile or "system",
    "connect_timeout": 15,
    "autocommit": True,
}


class Client(Program):
    """The checks of one connection."""

    connection: psycopg.Connection

    def value(self, query, parameters=None, **options):
        return self.connection.execute(query, parameters, **options).fetchone()[0]

    def connect(self):
        self.connection = psycopg.connect(**settings)
        return self.value("select current_user")

    def select(self):
        return self.value("select 1")

    def parameters(self):
        return self.value("select %s::int + length(%s::text)", (38, "žába"))

    def prepared(self):
        return " ".join(str(self.value("select %s::int * 10", (value,), prepare=True)) for value in (1, 2, 3))

    def rollback(self):
        count = "select count(*) from numbers"
        self.connection.execute("create temp table numbers (i int primary key)")
        with self.connection.transaction() as transaction:
            self.connection.execute("insert into numbers values (1)")
            within = self.value(count)
            raise psycopg.Rollback(transaction)
        return f"{within} {self.value(count)}"

    def sqlstate(self):
        return refusal(lambda: self.connection.execute("select 1 / 0"))

    def rows(self):
        return total(row[0] for row in self.connection.execute("select generate_series(1, 1000)"))

    def copy(self):
        with self.connection.cursor() as cursor:
            with cursor.copy("copy numbers from stdin") as into:
                for i in range(1, 1001):
                    into.write_row((i,))
            with cursor.copy("copy numbers to stdout") as out:
                return total(int(row[0]) for row in out.rows())

    def cancel(self):
        """The driver's own request, again and again until the server has begun what is to be cancelled."""
        over = threading.Event()
        thread = threading.Thread(target=self.cancel_until, args=(over,), daemon=True)
        thread.start()
        try:
            return refusal(lambda: self.connection.execute("select pg_sleep(30)"))
        finally:
            over.set()
            thread.join()

    def close(self):
        self.connection.close()

    def cancel_until(self, over):
        while not over.wait(0.1):
            try:
                self.connection.cancel_safe(timeout=5)
            except psycopg.Error:
                # The query that is under way tells what has happened to the server.
                return


def refusal(work):
    """The SQLSTATE with which the server refuses."""
    try:
        work()
    except psycopg.Error as error:
        if error.sqlstate is None:
            raise
        return error.sqlstate
    return "no error"


sys.exit(Client().run())
