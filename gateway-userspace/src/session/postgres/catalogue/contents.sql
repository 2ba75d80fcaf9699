-- Everything in a database whose meaning a reader of SQL has to know, one row for each thing: what it is, its schema, its
-- name, and what else there is to say. PostgreSQL's own things are known without asking.
with own as (
    select oid, nspname from pg_namespace
    where nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and nspname !~ '^pg_(toast_)?temp_'
),
member as (
    select d.classid, d.objid, e.extname in (
        'btree_gin', 'btree_gist', 'citext', 'cube', 'earthdistance', 'fuzzystrmatch', 'hstore', 'intarray', 'isn', 'ltree',
        'pg_trgm', 'pgcrypto', 'seg', 'unaccent', 'uuid-ossp', 'vector'
    ) as reviewed
    from pg_depend d join pg_extension e on e.oid = d.refobjid
    where d.refclassid = 'pg_extension'::regclass and d.deptype = 'e'
)
select 'relation', nspname, relname,
    -- Rules turn what is done to it into something else.
    exists (select from pg_rewrite where ev_class = c.oid and rulename <> '_RETURN')::text,
    (select json_agg(attname order by attnum)::text from pg_attribute
        where attrelid = c.oid and attnum > 0 and not attisdropped),
    null
from pg_class c join own on own.oid = relnamespace
where relkind in ('r', 'p', 'v', 'm', 'f')
union all
-- What a view reads, and which columns of it. A whole row names none, and means them all.
select 'base', v.nspname, view.relname, n.nspname,
    case when bool_or(d.refobjsubid = 0 or r.ev_action ~ ':varattno 0 ') then null
        else json_agg(distinct attname)::text end,
    base.relname
from pg_rewrite r
join pg_class view on view.oid = r.ev_class
join own v on v.oid = view.relnamespace
join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.refclassid = 'pg_class'::regclass
join pg_class base on base.oid = d.refobjid and base.oid <> view.oid
join pg_namespace n on n.oid = base.relnamespace
left join pg_attribute on attrelid = base.oid and attnum = d.refobjsubid
where r.rulename = '_RETURN'
group by 2, 3, 4, 6
union all
select 'function', nspname, proname, prosecdef::text,
    (coalesce(reviewed, false) and proname <> 'set_limit')::text, null
from pg_proc p join own on own.oid = pronamespace
left join member on classid = 'pg_proc'::regclass and objid = p.oid
union all
-- Those of extensions compute; one that somebody made may take the place of PostgreSQL's own.
select 'operator', nspname, oprname, null, null, null
from pg_operator o join own on own.oid = oprnamespace
left join member on classid = 'pg_operator'::regclass and objid = o.oid
where reviewed is null
union all
-- Whether a cast to it runs nothing that was not reviewed.
select 'type', nspname, typname,
    (coalesce(reviewed, typtype in ('e', 'c', 'r', 'm', 'd') and (typbasetype = 0 or typbasetype < 16384))
        and not exists (select from pg_constraint where contypid = t.oid and contype = 'c')
        and (coalesce(reviewed, false) or not exists
            (select from pg_cast where t.oid in (castsource, casttarget) and castfunc <> 0)))::text,
    null, null
from pg_type t join own on own.oid = typnamespace
left join member on classid = 'pg_type'::regclass and objid = t.oid
where typelem = 0 or typtype <> 'b'
order by 1, 2, 3, 4, 5, 6
limit 200001
