"""asyncpg: its own protocol implementation, everything binary, prepared and pipelined where it can be."""
import asyncio, hashlib
import asyncpg

async def trouble(what, act):
    try:
        await act
        print(what, "no error")
    except asyncpg.PostgresError as error:
        print(what, type(error).__name__, error.sqlstate, error.message, error.detail, error.constraint_name)

async def main():
    connection = await asyncpg.connect()
    connection.add_log_listener(lambda _, message: print("notice", message.severity, message.message, message.sqlstate))
    print(connection.get_server_version(), connection.get_settings().client_encoding, connection.get_settings().standard_conforming_strings)
    row = await connection.fetchrow(
        "select 1::int2 a, 2::int4 b, 3::int8 c, 4.5::float8 d, 12.50::numeric e, true f, null::text g, $1::text h, $2::bytea i, "
        "'00000000-0000-0000-0000-000000000001'::uuid j, interval '1 day' k, array[1,2,null] l, '{\"k\": 1}'::jsonb m, "
        "timestamptz '2001-02-03 04:05:06+00' n, int4range(1, 5) o", "ünïcode ✓", b"\x00\xff")
    print(list(row.items()))
    print(await connection.execute("create temp table things (id int primary key, name text)"))
    print(await connection.execute("insert into things values (1, 'one'); insert into things values (2, 'two')"))
    await connection.execute("do $$ begin raise notice 'a notice'; end $$")
    await trouble("syntax", connection.fetch("selec"))
    await trouble("unique", connection.execute("insert into things values ($1, 'again')", 1))
    await trouble("mid-stream", connection.fetch("select 10 / (5000 - i) from generate_series(1, 10000) i"))
    statement = await connection.prepare("select name from things where id = $1")
    print([type.name for type in statement.get_parameters()], [(a.name, a.type.name) for a in statement.get_attributes()])
    print([await statement.fetchval(i) for i in range(4)], statement.get_statusmsg())
    try:
        async with connection.transaction():
            print(connection.is_in_transaction())
            await trouble("inside", connection.fetch("select 1/0"))
            await trouble("failed", connection.fetch("select 1"))
            await connection.execute("select 1")
    except asyncpg.PostgresError as error:
        print("transaction", error.sqlstate)
    print(connection.is_in_transaction())
    async with connection.transaction(isolation="serializable", readonly=True):
        await trouble("read only", connection.execute("update pg_class set relname = relname where false"))
    async with connection.transaction():
        total = 0
        async for record in connection.cursor("select i from generate_series(1, 1000) i", prefetch=64):
            total += record[0]
        cursor = await connection.cursor("select i from generate_series(1, 100) i")
        print(total, await cursor.fetch(3), await cursor.forward(50), await cursor.fetchrow())
    await connection.executemany("insert into things values ($1, $2)", [(i, f"row {i}") for i in range(10, 3000)])
    print(await connection.copy_records_to_table("things", records=[(i, "copied") for i in range(5000, 9000)]))
    digest = hashlib.sha256()
    async def take(data):
        digest.update(data)
    print(await connection.copy_from_query("select * from things order by id", output=take, format="binary"), digest.hexdigest())
    await trouble("bad copy", connection.copy_records_to_table("things", records=[(1, "again")]))
    big = "0123456789abcdef" * 300000
    print(await connection.fetchval("select $1::text", big) == big)
    heard = asyncio.get_running_loop().create_future()
    await connection.add_listener("here", lambda _, pid, channel, payload: heard.set_result((channel, payload)))
    await connection.execute("select pg_notify('here', 'a payload')")
    print(await asyncio.wait_for(heard, 5))
    await connection.remove_listener("here", heard.set_result)
    try:
        await connection.fetch("select pg_sleep(30)", timeout=0.3)
    except asyncio.TimeoutError:
        print("timeout, which cancels")
    print(await connection.fetchval("select 'still here'"))
    await connection.reset()
    await connection.close()

asyncio.run(main())
