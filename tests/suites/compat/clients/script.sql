-- What psql is asked to do, direct and through the gateway. It prints nothing that differs from run to run.
\set VERBOSITY verbose
\set ON_ERROR_STOP 0
\pset null '(null)'
select current_user, current_database(), current_setting('server_version_num');
\echo encoding :ENCODING server :SERVER_VERSION_NUM
-- types
create table things (id int primary key, name text not null, price numeric(10,2), made timestamptz, tags text[], more jsonb, raw bytea);
insert into things values (1, 'lantern', 24.50, '2001-02-03 04:05:06+00', '{a,"b c"}', '{"k": [1, null]}', '\x00ff10'), (2, 'ünïcode ✓', null, null, null, null, null) returning id;
select * from things order by id \gdesc
select * from things order by id;
select 1::int2, 2::int8, 3.5::float8, 'NaN'::numeric, true, null, '00000000-0000-0000-0000-000000000001'::uuid, interval '1 day 2 hours', '[1,5)'::int4range, 'x'::"char";
-- several statements in one message, and none
select 1 \; select 2, 'two' \; select 3 where false;
;
\; \;
-- notices and errors
do $$ begin raise notice 'a notice'; raise warning 'a warning' using hint = 'a hint', detail = 'a detail'; end $$;
selec 1;
select 1/0;
insert into things values (1, 'again');
select * from nowhere;
\echo :ERROR :SQLSTATE :LAST_ERROR_MESSAGE
do $$ begin raise exception 'ours' using errcode = 'ZX123', detail = 'd', hint = 'h', column = 'c', table = 't', schema = 's', constraint = 'k', datatype = 'y'; end $$;
-- an error in the middle of rows
select i, 10 / (5 - i) from generate_series(1, 10) i;
-- transactions
begin;
select 1/0;
select 'not reached';
rollback;
begin;
savepoint one;
selec;
rollback to one;
select 'after the savepoint';
commit;
commit;
begin isolation level serializable read only;
insert into things values (3, 'no');
end;
-- prepared statements and cursors
prepare by_id (int) as select name from things where id = $1;
execute by_id(1);
execute by_id(3);
deallocate by_id;
execute by_id(1);
begin;
declare c scroll cursor for select i from generate_series(1, 5) i;
fetch 2 c;
fetch backward 1 c;
fetch all c;
close c;
commit;
\set FETCH_COUNT 3
select i from generate_series(1, 8) i;
\unset FETCH_COUNT
-- COPY both ways
copy things (id, name) from stdin;
10	ten
11	e\tleven
\.
copy things (id, name) from stdin;
12	twelve
bad	thirteen
\.
copy (select id, name from things order by id) to stdout;
copy (select id, name from things order by id) to stdout (format csv, header);
\copy (select 1/(3-i) from generate_series(1,4) i) to stdout
copy things (id, name) from stdin (format csv);
20,twenty
21,"twenty, one"
\.
select count(*), max(id) from things;
-- settings that are reported
set application_name = 'somebody else';
show application_name;
set datestyle = 'German';
select date '2001-02-03';
set timezone = 'Asia/Tokyo';
select timestamptz '2001-02-03 04:05:06+00';
set client_encoding = 'LATIN1';
select 'plain';
set client_encoding = 'UTF8';
-- large values
select length(x), md5(x) from (select repeat('0123456789abcdef', 262144) x) big;
select count(*), sum(length(t)) from (select repeat('x', i) t from generate_series(1, 2000) i) s;
-- listening
listen here;
notify here, 'a payload';
unlisten *;
-- what psql itself asks
\d things
\dt
\di+ things_pkey
\df things
drop table things;
