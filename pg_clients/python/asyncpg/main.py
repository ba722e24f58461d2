"""asyncpg: what every program here does; see ../../README.md."""

import asyncio
import io
import os
import ssl
import sys

import asyncpg

from program import Program, total

settings = {
    "host": os.environ["NEON_HOST"],
    "port": int(os.environ.get("NEON_PORT", "5432")),
    "database": os.environ["NEON_DATABASE"],
    "user": os.environ["NEON_USER"],
    "password": os.environ["NEON_PASSWORD"],
    # It verifies chain and host name; without a file it trusts the system's authorities.
    "ssl": ssl.create_default_context(cafile=os.environ.get("NEON_CA")),
    "timeout": 15,
}


class Client(Program):
    """The checks of one connection."""

    connection: asyncpg.Connection
    loop = asyncio.Runner()

    def call(self, method):
        return self.loop.run(super().call(method))

    def words(self, error):
        return f"{type(error).__name__} {getattr(error, 'sqlstate', '')} {error}"

    async def connect(self):
        self.connection = await asyncpg.connect(**settings)
        return await self.connection.fetchval("select current_user")

    async def select(self):
        return await self.connection.fetchval("select 1")

    async def parameters(self):
        return await self.connection.fetchval("select $1::int + length($2::text)", 38, "žába")

    async def prepared(self):
        statement = await self.connection.prepare("select $1::int * 10")
        return " ".join([str(await statement.fetchval(value)) for value in (1, 2, 3)])

    async def rollback(self):
        count = "select count(*) from numbers"
        await self.connection.execute("create temp table numbers (i int primary key)")
        transaction = self.connection.transaction()
        await transaction.start()
        await self.connection.execute("insert into numbers values (1)")
        within = await self.connection.fetchval(count)
        await transaction.rollback()
        return f"{within} {await self.connection.fetchval(count)}"

    async def sqlstate(self):
        return await refusal(self.connection.execute("select 1 / 0"))

    async def rows(self):
        return total(row[0] for row in await self.connection.fetch("select generate_series(1, 1000)"))

    async def copy(self):
        await self.connection.copy_records_to_table("numbers", records=[(i,) for i in range(1, 1001)])
        copied = io.BytesIO()
        await self.connection.copy_from_table("numbers", output=copied)
        return total(int(line) for line in copied.getvalue().split())

    async def cancel(self):
        """A task that is cancelled hides the server's answer, so a second session asks for it."""
        asking = asyncio.create_task(cancel_from_another(self.connection.get_server_pid()))
        try:
            return await refusal(self.connection.execute("select pg_sleep(30)"))
        finally:
            await asking

    async def close(self):
        if not self.connection.is_closed():
            await self.connection.close(timeout=5)


async def cancel_from_another(pid):
    """Asks until the query is under way; if the server is gone, that query tells of it."""
    asleep = "select pg_cancel_backend(pid) from pg_stat_activity where pid = $1 and wait_event = 'PgSleep'"
    try:
        other = await asyncpg.connect(**settings)
        for _ in range(500):
            if await other.fetch(asleep, pid):
                break
            await asyncio.sleep(0.05)
        await other.close()
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        print(f"the second session: {error}", file=sys.stderr)


async def refusal(work):
    """The SQLSTATE with which the server refuses."""
    try:
        await work
    except asyncpg.PostgresConnectionError:
        # Its SQLSTATE is the driver's own, not the server's.
        raise
    except asyncpg.PostgresError as error:
        return error.sqlstate
    return "no error"


sys.exit(Client().run())
