"""pg8000: a driver in plain Python that shares no code with libpq."""
import io, os
import pg8000.native, pg8000.dbapi
from pg8000.exceptions import DatabaseError

connection = pg8000.native.Connection(os.environ["PGUSER"], host=os.environ["PGHOST"], port=int(os.environ["PGPORT"]),
                                      database=os.environ["PGDATABASE"], password=os.environ["PGPASSWORD"], ssl_context=None)
def trouble(what, act):
    try:
        act()
        print(what, "no error")
    except DatabaseError as error:
        print(what, {key: value for key, value in error.args[0].items() if key not in "sLFRP"})
print(connection.run("select 1, 2.5::numeric, 'text', null, array[1,2], '\\x00ff'::bytea, jsonb '{\"k\": 1}', timestamp '2001-02-03 04:05:06', true"))
print([(column["name"], column["type_oid"]) for column in connection.columns])
connection.run("create temp table things (id int primary key, name text)")
connection.run("insert into things values (:id, :name)", id=1, name="one")
print(connection.row_count, connection.run("select * from things where name = :name", name="one"))
trouble("syntax", lambda: connection.run("selec"))
trouble("unique", lambda: connection.run("insert into things values (1, 'again')"))
connection.run("start transaction")
trouble("inside", lambda: connection.run("select 1/0"))
trouble("failed", lambda: connection.run("select 1"))
connection.run("rollback")
trouble("mid-stream", lambda: connection.run("select 10 / (500 - i) from generate_series(1, 1000) i"))
prepared = connection.prepare("select name from things where id = cast(:id as int)")
print([prepared.run(id=i) for i in range(3)])
connection.run("do $$ begin raise notice 'a notice'; end $$")
print([{k: v for k, v in notice.items() if k not in (b"L", b"F", b"R")} for notice in connection.notices])
connection.run("copy things from stdin (format csv)", stream=io.BytesIO(b"10,ten\n11,eleven\n"))
out = io.BytesIO()
connection.run("copy (select * from things order by id) to stdout", stream=out)
print(out.getvalue())
connection.run("listen here")
connection.run("notify here, 'payload'")
connection.run("select 1")
print([notification[1:] for notification in connection.notifications])
big = "x" * 2_000_000
print(connection.run("select cast(:big as text) = cast(:again as text), length(:big)", big=big, again=big))
connection.close()
