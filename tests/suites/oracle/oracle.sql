-- The server tells what each statement of definition does.
create schema oracle;
grant usage on schema oracle to public;
create function oracle.tell() returns event_trigger language plpgsql set search_path = pg_catalog as $$
declare
    what record;
begin
    if tg_event = 'sql_drop' then
        for what in select * from pg_event_trigger_dropped_objects() where original loop
            raise info 'oracle|DROP|%|%|%', what.object_type, coalesce(what.schema_name, ''),
                case when what.classid = 'pg_class'::regclass then what.object_name else '' end;
        end loop;
    else
        for what in select * from pg_event_trigger_ddl_commands() loop
            raise info 'oracle|%|%|%|%', what.command_tag, what.object_type, coalesce(what.schema_name, ''),
                coalesce((select relname from pg_class where oid = what.objid and what.classid = 'pg_class'::regclass), '');
        end loop;
    end if;
end $$;
create event trigger oracle_ddl on ddl_command_end execute function oracle.tell();
create event trigger oracle_drop on sql_drop execute function oracle.tell();
