"""psycopg 3: text and binary, pipelines, server-side cursors, COPY, prepared statements, notifications, cancel."""
import hashlib, threading
import psycopg
from psycopg.rows import tuple_row

def trouble(what, act):
    try:
        act()
        print(what, "no error")
    except psycopg.Error as error:
        diag = error.diag
        print(what, type(error).__name__, error.sqlstate, diag.message_primary, diag.message_detail, diag.constraint_name)

connection = psycopg.connect("", autocommit=True)
connection.add_notice_handler(lambda n: print("notice", n.severity, n.sqlstate, n.message_primary, n.message_hint))
status = lambda: connection.info.transaction_status.name
for name in ("server_version", "client_encoding", "standard_conforming_strings", "TimeZone", "DateStyle", "integer_datetimes"):
    print(name, connection.info.parameter_status(name))
print(connection.info.user, connection.info.dbname, status())

TYPES = "select 1::int2, 2::int4, 3::int8, 4.5::float8, 'NaN'::numeric, 12.50::numeric, true, null::text, 'ünïcode ✓', '\\x00ff'::bytea, " \
    "'00000000-0000-0000-0000-000000000001'::uuid, interval '1 day', '{1,2,null}'::int[], '{\"k\": 1}'::jsonb, timestamptz '2001-02-03 04:05:06+00', 'x'::\"char\""
for binary in (False, True):
    cursor = connection.cursor(binary=binary)
    cursor.execute(TYPES)
    print(binary, [(column.name, column.type_code) for column in cursor.description])
    print(cursor.fetchall())
    print(connection.execute("select %b::int8 + %t::int8, %s::text", (5, 6, "seven"), binary=binary).fetchone())

print(connection.execute("").statusmessage, connection.execute("create temp table things (id int primary key, name text)").statusmessage)
connection.execute("do $$ begin raise notice 'a notice'; raise warning 'careful' using hint = 'slowly'; end $$")
connection.execute("drop table if exists nowhere")
trouble("syntax", lambda: connection.execute("selec"))
trouble("unique", lambda: connection.execute("insert into things values (1, 'a'), (1, 'b')"))
trouble("zero", lambda: connection.execute("select 1/%s", (0,)))
trouble("parameter", lambda: connection.execute("select %s::int", ("word",)))
trouble("mid-stream", lambda: connection.execute("select i, 10 / (5000 - i) from generate_series(1, 10000) i"))
print(status())
several = connection.execute("select 1; select 2, 'two'; insert into things values (1, 'one')")
while True:
    print(several.statusmessage, several.fetchall() if several.description else None)
    if not several.nextset():
        break

def in_transaction():
    with connection.transaction():
        print(status(), connection.execute("select 'inside'").fetchone())
        trouble("savepoint", lambda: nested())
        print(status())
        connection.execute("selec")
def nested():
    with connection.transaction():
        connection.execute("select 1/0")
trouble("transaction", in_transaction)
connection.execute("begin")
trouble("failing", lambda: connection.execute("select 1/0"))
print(status())
trouble("failed", lambda: connection.execute("select 1"))
connection.execute("rollback")
print(status())

for number in range(8):
    print(connection.execute("select name from things where id = %s", (number,), prepare=True).fetchall())

with connection.pipeline() as pipeline:
    first = connection.execute("select 1, %s", ("one",))
    connection.execute("insert into things values (2, 'two')")
    second = connection.execute("select count(*) from things")
    pipeline.sync()
    third = connection.execute("select 'after sync'")
    print(first.fetchall(), second.fetchall(), third.fetchall())
def broken_pipeline():
    with connection.pipeline():
        connection.execute("insert into things values (3, 'three')")
        connection.execute("select 1/0")
        connection.execute("insert into things values (4, 'four')")
trouble("pipeline", broken_pipeline)
print(status(), connection.execute("select array_agg(id order by id) from things").fetchall())
with connection.cursor() as cursor:
    cursor.executemany("insert into things values (%s, %s) returning id", [(i, str(i)) for i in range(100, 300)], returning=True)
    print(cursor.rowcount)

with connection.transaction():
    with connection.cursor("named", scrollable=True) as cursor:
        cursor.execute("select i from generate_series(1, 1000) i")
        print(cursor.fetchmany(3), cursor.fetchone())
        cursor.scroll(500)
        print(cursor.fetchone(), len(cursor.fetchall()))
print(sum(row[0] for row in connection.cursor().stream("select i, repeat('x', 100) from generate_series(1, 5000) i")))

for form in ("text", "csv", "binary"):
    connection.execute("truncate things")
    with connection.cursor().copy(f"copy things from stdin (format {form})") as copy:
        if form == "binary":
            copy.set_types(["int4", "text"])
        if form == "csv":
            copy.write("1,one\n2,\"t,wo\"\n")
        else:
            for row in ((i, "row\t%d" % i) for i in range(3000)):
                copy.write_row(row)
    print(form, connection.execute("select count(*), min(name), max(name) from things").fetchone())
    digest = hashlib.sha256()
    with connection.cursor().copy(f"copy (select * from things order by id) to stdout (format {form})") as copy:
        for block in copy:
            digest.update(block)
    print(form, digest.hexdigest())
def bad_copy():
    with connection.cursor().copy("copy things from stdin") as copy:
        copy.write("9000\tfine\nword\tnot fine\n")
trouble("bad copy", bad_copy)
def given_up():
    with connection.cursor().copy("copy things from stdin") as copy:
        copy.write("9001\tfine\n")
        raise psycopg.DataError("given up")
trouble("given up", given_up)
def copy_fails_in_rows():
    with connection.cursor().copy("copy (select 1/(3-i) from generate_series(1, 5) i) to stdout") as copy:
        print([bytes(block) for block in copy])
trouble("copy out", copy_fails_in_rows)
print(status())

big = "0123456789abcdef" * 393216
back = connection.execute("select %s::text, length(%s)", (big, big[:1000000])).fetchone()
print(len(back[0]), back[0] == big, back[1])
blob = connection.execute("select %b::bytea", (big.encode()[:3000000],), binary=True).fetchone()[0]
print(len(blob), hashlib.sha256(blob).hexdigest())

other = psycopg.connect("", autocommit=True)
connection.execute("listen here")
other.execute("select pg_notify('here', 'a payload')")
for notify in connection.notifies(timeout=5, stop_after=1):
    print("notified", notify.channel, notify.payload)
other.close()

timer = threading.Timer(0.3, lambda: connection.cancel_safe(timeout=5))
timer.start()
trouble("cancel", lambda: connection.execute("select pg_sleep(30)"))
timer.join()
print(status(), connection.execute("select 'still here'").fetchone())
connection.execute("set application_name = 'another'")
print(connection.info.parameter_status("application_name"))
connection.close()
