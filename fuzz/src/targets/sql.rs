//! Texts of SQL, as agents send them.

use gateway_policy::command::State;
use gateway_sql::Catalogue;

use crate::Target;

pub const TARGET: Target = Target {
    name: "sql",
    run,
    corpus: &[
        b"select a, b from t where c = $1 order by d limit 3",
        b"with x as (delete from t returning *) insert into u select * from x on conflict (a) do update set b = 1",
        b"/* a /* b */ c */ update only \"T\" set a = E'\\'' -- d\n where b = $$x$$",
        b"begin; set local search_path = a, \"$user\"; declare c cursor for table t; fetch 1 from c; commit",
        b"copy (select U&'\\0041' uescape '\\') to program 'x'",
        b"merge into t using u on t.a = u.a when matched then delete when not matched then insert values (1)",
        b"prepare p(int) as select $1; execute p(1); deallocate p; explain analyze select pg_sleep(1)",
        b"do $x$ begin execute 'drop table t'; end $x$",
        b"select ((((((((((((((((1))))))))))))))))",
    ],
};

pub fn run(bytes: &[u8]) {
    let Ok(text) = core::str::from_utf8(bytes) else { return };
    let settings =
        [("client_encoding", "UTF8"), ("standard_conforming_strings", "on"), ("search_path", "public")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let state = State { settings: settings.into(), ..State::default() };
    let read = || gateway_sql::read(text, &state, &Catalogue::absent());
    assert_eq!(format!("{:?}", read()), format!("{:?}", read()), "the same text is read in two ways");
}
