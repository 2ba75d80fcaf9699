//! A database is dumped by way of the gateway, restored by way of the gateway, and dumped again: nothing is lost.

use std::path::Path;

use anyhow::{Result, ensure};
use gateway_e2e::servers::postgres::Version;
use libtest_mimic::Trial;

use crate::sides::{Side, Sides};

/// Something of most kinds that a dump has to know.
const CONTENT: &str = r#"
create schema shop;
create type shop.mood as enum ('glad', 'sad');
create domain shop.price as numeric(10,2) check (value >= 0);
create table shop.things (
    id int generated always as identity primary key, name text not null unique, price shop.price default 1,
    mood shop.mood, made timestamptz, tags text[], more jsonb, raw bytea);
create table shop.parts (thing int references shop.things on delete cascade, part text, primary key (thing, part));
create table shop.log (at date, line text) partition by range (at);
create table shop.log_old partition of shop.log for values from ('2000-01-01') to ('2001-01-01');
create index on shop.things using gin (more);
create view shop.glad as select id, name from shop.things where mood = 'glad';
create materialized view shop.counts as select mood, count(*) from shop.things group by mood;
create function shop.twice(x int) returns int language sql immutable as $$ select x * 2 $$;
create function shop.stamp() returns trigger language plpgsql as $$ begin new.made := '2001-02-03'; return new; end $$;
create trigger stamp before insert on shop.things for each row execute function shop.stamp();
create sequence shop.numbers start 42;
comment on table shop.things is 'what''s sold, "ünïcode" \ and all';
insert into shop.things (name, mood, tags, more, raw)
    select 'thing ' || i, case when i % 2 = 0 then 'glad' else 'sad' end::shop.mood, array['a', E'tab\tand\nline', null],
        jsonb_build_object('i', i), decode(md5(i::text), 'hex') from generate_series(1, 3000) i;
insert into shop.parts select id, 'part ' || id from shop.things;
insert into shop.log values ('2000-06-01', repeat('long ', 100000));
refresh materialized view shop.counts;
"#;

pub(crate) fn trial() -> Trial {
    crate::trial("dump::a_database_is_dumped_and_restored_without_loss", dump_and_restore)
}

/// Debian's pg_dump is of version 15 and will not dump newer servers.
fn dump_and_restore() -> Result<()> {
    let sides = Sides::start(Version::V15)?;
    sides.server.sql(&format!("set role agent; {CONTENT}"))?;
    sides.server.sql_in("postgres", "create database copy owner agent")?;
    let original = dump(&sides, Side::Direct, "agent")?;
    ensure!(original.contains("CREATE TRIGGER stamp"), "the dump is not of that database");
    ensure!(dump(&sides, Side::Through, "agent")? == original, "a dump through the gateway differs");
    let line = "pg_dump -Fc | pg_restore --exit-on-error --no-owner -d copy && psql -XAtc 'analyze' -d copy";
    let restored = sides.run(Side::Through, &["sh", "-c", line], &[])?;
    ensure!(restored.succeeded, "{}", restored.complaint);
    ensure!(dump(&sides, Side::Direct, "copy")? == original, "what was restored differs");
    // Several connections at once, and files instead of a pipe.
    let parallel = "dir=$(mktemp -d) && pg_dump -Fd -j 2 -f $dir/dump && dropdb copy && createdb copy \
         && pg_restore -j 2 --exit-on-error --no-owner -d copy $dir/dump; code=$?; rm -r $dir; exit $code";
    sides.server.sql("alter role agent createdb")?;
    let restored = sides.run(Side::Through, &["sh", "-c", parallel], &[])?;
    ensure!(restored.succeeded, "{}", restored.complaint);
    ensure!(dump(&sides, Side::Direct, "copy")? == original, "what was restored by two at once differs");
    Ok(())
}

fn dump(sides: &Sides, side: Side, database: &str) -> Result<String> {
    let mut dump = sides.command(side, Path::new("pg_dump"))?;
    let output = dump.args(["--no-owner", "-d", database]).output()?;
    ensure!(output.status.success(), "pg_dump: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    // Since 15.14 a dump is guarded by a random word.
    Ok(text.lines().filter(|line| !line.contains("restrict ")).collect::<Vec<_>>().join("\n"))
}
