"""Every driver of this language logs in over each family of addresses and with each mode of TLS, and runs one statement."""
import asyncio, os, ssl
import asyncpg, pg8000.native, psycopg, psycopg2

NAMES = os.environ["NAMES"].split()
TRUSTED, STRANGER = os.environ["TRUSTED"], os.environ["STRANGER"]
MODES = [("disable", None), ("allow", None), ("prefer", None), ("require", None), ("verify-ca", TRUSTED), ("verify-full", TRUSTED), ("verify-full", STRANGER)]
QUESTION = "select 6 * 7, current_user::text"

def with_psycopg3(host, mode, roots, binding):
    with psycopg.connect(host=host, sslmode=mode, sslrootcert=roots or "", channel_binding=binding) as connection:
        return connection.execute(QUESTION).fetchone(), bool(connection.pgconn.ssl_in_use)

def with_tls_from_the_start(host, mode, roots, binding):
    with psycopg.connect(host=host, sslmode=mode, sslrootcert=roots or "", channel_binding=binding, sslnegotiation="direct") as connection:
        return connection.execute(QUESTION).fetchone(), bool(connection.pgconn.ssl_in_use)

def with_psycopg2(host, mode, roots, binding):
    connection = psycopg2.connect(host=host, sslmode=mode, sslrootcert=roots or "", channel_binding=binding)
    cursor = connection.cursor()
    cursor.execute(QUESTION)
    return cursor.fetchone(), connection.info.ssl_in_use

def with_asyncpg(host, mode, roots, binding):
    async def ask():
        context = ssl.create_default_context(cafile=roots) if roots else mode
        if roots and mode == "verify-ca":
            context.check_hostname = False
        connection = await asyncpg.connect(host=host, ssl=context)
        row = await connection.fetchrow(QUESTION)
        await connection.close()
        return tuple(row)
    return asyncio.run(ask())

def with_pg8000(host, mode, roots, binding):
    context = None if mode == "disable" else ssl.create_default_context(cafile=roots)
    if context and not roots:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = pg8000.native.Connection(os.environ["PGUSER"], host=host, port=int(os.environ["PGPORT"]),
                                          database=os.environ["PGDATABASE"], password=os.environ["PGPASSWORD"], ssl_context=context)
    return connection.run(QUESTION)

def gist(error):
    # What was refused, without addresses, numbers of attempts and versions of libraries.
    text = str(error)
    for word in ("certificate verify failed", "CERTIFICATE_VERIFY_FAILED", "channel binding"):
        if word in text:
            return word
    return text.strip().splitlines()[-1]

def log_in(name, act, *how):
    try:
        said = act(*how)
    except Exception as error:
        said = "fails: " + gist(error)
    host, mode, roots, binding = how
    print(name, host, mode, os.path.basename(roots or "-"), binding, said)

for host in NAMES:
    for mode, roots in MODES:
        for binding in ("disable", "prefer", "require"):
            log_in("psycopg3", with_psycopg3, host, mode, roots, binding)
        log_in("psycopg2", with_psycopg2, host, mode, roots, "prefer")
        if mode not in ("allow", "prefer"):
            log_in("pg8000", with_pg8000, host, mode, roots, "prefer")
        log_in("asyncpg", with_asyncpg, host, mode, roots, "prefer")
    for mode, roots in MODES[3:]:
        log_in("psycopg3, TLS from the start", with_tls_from_the_start, host, mode, roots, "require")
