-- A fixed pool of logins for the gateway, in the database where it lends them. To be run by an administrator.
-- Run again after a change of `grant` or `pool_size`; logins that are lent meanwhile stay lent.
begin;
set local client_min_messages = warning;
do $postern$ begin
    if not exists (select from pg_catalog.pg_roles where rolname = {{name}}) then create role {{user}}; end if;
end $postern$;
alter role {{user}} login nosuperuser nocreaterole nocreatedb noreplication nobypassrls;

create schema if not exists {{schema}};
revoke all on schema {{schema}} from public;
grant usage on schema {{schema}} to {{user}};

create table if not exists {{schema}}.pool (
    login name primary key,
    gateway text,
    session text,
    since timestamptz
);
revoke all on {{schema}}.pool from public;

-- The logins. Nobody can use one before it is lent.
do $postern$
declare
    login name;
    granted name;
begin
    for number in 1 .. {{size}} loop
        login := {{prefix}} || lpad(number::text, 4, '0');
        if not exists (select from pg_catalog.pg_roles where rolname = login) then
            execute format('create role %I nologin inherit nosuperuser nocreatedb nocreaterole '
                           'noreplication nobypassrls connection limit 1', login);
            -- So that an administrator who is no superuser can end its sessions and drop what it owns.
            execute format('grant %I to current_user', login);
        end if;
        foreach granted in array {{grant}}::name[] loop
            execute format('grant %I to %I', granted, login);
        end loop;
        insert into {{schema}}.pool (login) values (login) on conflict do nothing;
    end loop;
end
$postern$;

-- Lends a login for one session: it can log in once, within a minute, with the keys of this verifier.
create or replace function {{schema}}.lend(gateway text, session text, verifier text) returns name
language plpgsql security definer set search_path = pg_catalog, pg_temp as $postern$
declare
    chosen name;
begin
    if verifier !~ '^SCRAM-SHA-256\$[0-9]+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$' then
        raise exception 'not a verifier' using errcode = 'invalid_parameter_value';
    end if;
    select p.login into chosen from {{schema}}.pool p
        where p.gateway is null
        and not exists (select from pg_stat_activity a where a.usename = p.login)
        order by p.since nulls first limit 1 for update skip locked;
    if chosen is null then
        return null;
    end if;
    update {{schema}}.pool p set gateway = lend.gateway, session = lend.session, since = now() where p.login = chosen;
    execute format('alter role %I login password %L valid until %L', chosen, verifier, now() + interval '60 seconds');
    return chosen;
end
$postern$;

-- The session has logged in: nobody does so again.
create or replace function {{schema}}.shut(gateway text, login name) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $postern$
begin
    perform from {{schema}}.pool p where p.login = shut.login and p.gateway = shut.gateway;
    if not found then
        raise exception 'this login is not lent to this gateway' using errcode = 'insufficient_privilege';
    end if;
    execute format('alter role %I nologin password null', login);
end
$postern$;

-- Ends what a login still runs, takes back what it gave to others, and tells in which databases it left traces.
create or replace function {{schema}}.end_session(gateway text, login name) returns setof name
language plpgsql security definer set search_path = pg_catalog, pg_temp as $postern$
declare
    place name;
    member name;
begin
    perform {{schema}}.shut(gateway, login);
    perform pg_terminate_backend(pid, 5000) from pg_stat_activity a where a.usename = end_session.login;
    for member in select m.rolname from pg_auth_members g join pg_roles m on m.oid = g.member
        where g.roleid = (select r.oid from pg_roles r where r.rolname = login) and m.rolname <> current_user
    loop
        execute format('revoke %I from %I cascade', login, member);
    end loop;
    execute format('alter role %I reset all', login);
    for place in select d.datname from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
        where s.setrole = (select r.oid from pg_roles r where r.rolname = login)
    loop
        execute format('alter role %I in database %I reset all', login, place);
    end loop;
    return query select distinct d.datname from pg_shdepend s join pg_database d on d.oid = s.dbid
        where s.refclassid = 'pg_authid'::regclass
        and s.refobjid = (select r.oid from pg_roles r where r.rolname = login);
end
$postern$;

-- Makes a login free again, unless the session before left something behind.
create or replace function {{schema}}.take_back(gateway text, login name) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp as $postern$
declare
    id oid := (select r.oid from pg_roles r where r.rolname = take_back.login);
begin
    perform {{schema}}.shut(gateway, login);
    if exists (select from pg_shdepend s where s.refclassid = 'pg_authid'::regclass and s.refobjid = id and s.dbid <> 0)
        or exists (select from pg_prepared_xacts x where x.owner = take_back.login) then
        raise exception 'login % left something behind and is not lent again before it is gone', login
            using errcode = 'object_in_use';
    end if;
    update {{schema}}.pool p set gateway = null, session = null, since = now() where p.login = take_back.login;
end
$postern$;

-- What is lent to a gateway.
create or replace function {{schema}}.lent(gateway text) returns setof name
language sql security definer set search_path = pg_catalog, pg_temp as $postern$
    select p.login from {{schema}}.pool p where p.gateway = lent.gateway
$postern$;

revoke all on all functions in schema {{schema}} from public;
grant execute on all functions in schema {{schema}} to {{user}};
commit;
