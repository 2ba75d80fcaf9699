-- Drops what a login of the pool owns in this database. To be run by an administrator in each of `databases`.
begin;
set local client_min_messages = warning;
create schema if not exists {{schema}};
revoke all on schema {{schema}} from public;
grant usage on schema {{schema}} to {{user}};

create or replace function {{schema}}.clean(login name) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $postern$
begin
    if not starts_with(login, {{prefix}}) then
        raise exception 'this is no login of the pool' using errcode = 'insufficient_privilege';
    end if;
    execute format('drop owned by %I', login);
end
$postern$;

revoke all on function {{schema}}.clean(name) from public;
grant execute on function {{schema}}.clean(name) to {{user}};
commit;
