"""psycopg2: the simple protocol of libpq, COPY, named cursors, notices and notifications."""
import io, select, threading
import psycopg2, psycopg2.extensions

connection = psycopg2.connect("")
names = {getattr(psycopg2.extensions, name): name for name in dir(psycopg2.extensions) if name.startswith("TRANSACTION_STATUS")}
status = lambda: names[connection.get_transaction_status()]
print(connection.server_version, connection.encoding, connection.get_parameter_status("standard_conforming_strings"), status())

def trouble(what, act):
    try:
        act()
        print(what, "no error")
    except psycopg2.Error as error:
        print(what, type(error).__name__, error.pgcode, str(error).splitlines()[:1], status())

cursor = connection.cursor()
cursor.execute("create temp table things (id int primary key, name text)")
cursor.execute("select 1, 2.5::numeric, 'text', null, '{1,2}'::int[], '\\x00ff'::bytea::text, now() is not null; ")
print([(column.name, column.type_code) for column in cursor.description], cursor.fetchall())
cursor.execute("insert into things values (%s, %s), (%s, %s) returning *", (1, "one", 2, "tw'o"))
print(cursor.fetchall(), cursor.statusmessage, status())
connection.commit()
cursor.execute("do $$ begin raise notice 'a notice'; end $$")
print(connection.notices)
trouble("unique", lambda: cursor.execute("insert into things values (1, 'again')"))
trouble("failed", lambda: cursor.execute("select 1"))
connection.rollback()
trouble("mid-stream", lambda: cursor.execute("select 10 / (5000 - i) from generate_series(1, 10000) i"))
connection.rollback()
with connection.cursor("named") as named:
    named.itersize = 100
    named.execute("select i from generate_series(1, 1000) i")
    print(sum(row[0] for row in named))
connection.commit()
cursor.copy_from(io.StringIO("".join(f"{i}\trow {i}\n" for i in range(10, 2000))), "things")
out = io.StringIO()
cursor.copy_expert("copy (select * from things order by id) to stdout (format csv)", out)
print(len(out.getvalue()), out.getvalue()[:40])
trouble("bad copy", lambda: cursor.copy_from(io.StringIO("word\tx\n"), "things"))
connection.rollback()
big = "x" * 5_000_000
cursor.execute("select %s, length(%s)", (big, big))
row = cursor.fetchone()
print(row[0] == big, row[1])
connection.commit()
connection.set_session(autocommit=True)
cursor.execute("listen here; notify here, 'payload'")
select.select([connection], [], [], 5)
connection.poll()
print([(notify.channel, notify.payload) for notify in connection.notifies])
timer = threading.Timer(0.3, connection.cancel)
timer.start()
trouble("cancel", lambda: cursor.execute("select pg_sleep(30)"))
timer.join()
cursor.execute("select 'still here'")
print(cursor.fetchall(), status())
