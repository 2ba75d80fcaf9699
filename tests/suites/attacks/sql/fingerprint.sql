-- Everything about a database and its cluster that an agent must not change, one line for each thing.
select 'relation ' || c.oid::regclass || ' ' || relkind::text || relpersistence::text || relowner || relrowsecurity
    || relreplident::text || relispartition || coalesce(relacl::text, '') || coalesce(reloptions::text, '')
    from pg_class c join pg_namespace n on n.oid = relnamespace
    where nspname !~ '^pg_' and nspname <> 'information_schema'
union all select 'rows ' || c.oid::regclass || ' ' || md5(table_to_xml(c.oid, true, false, '')::text)
    from pg_class c join pg_namespace n on n.oid = relnamespace
    where relkind in ('r', 'm', 'S') and nspname !~ '^pg_' and nspname <> 'information_schema'
union all select 'column ' || attrelid::regclass || '.' || attname || ' ' || atttypid::regtype || attnotnull
    from pg_attribute join pg_class c on c.oid = attrelid join pg_namespace n on n.oid = relnamespace
    where attnum > 0 and nspname !~ '^pg_' and nspname <> 'information_schema'
union all select 'constraint ' || conname || pg_get_constraintdef(oid) from pg_constraint
union all select 'index ' || pg_get_indexdef(indexrelid) || indisclustered from pg_index where indexrelid >= 16384
union all select 'trigger ' || pg_get_triggerdef(oid) || tgenabled::text from pg_trigger
union all select 'event trigger ' || evtname from pg_event_trigger
union all select 'rule ' || pg_get_ruledef(oid) from pg_rewrite where oid >= 16384
union all select 'policy ' || polname from pg_policy
union all select 'function ' || pg_get_functiondef(oid) || coalesce(proacl::text, '')
    from pg_proc where oid >= 16384 and prokind in ('f', 'p')
union all select 'aggregate ' || oid::regprocedure from pg_proc where oid >= 16384 and prokind = 'a'
union all select 'type ' || typname from pg_type where oid >= 16384
union all select 'enum ' || enumlabel from pg_enum
union all select 'operator ' || oid::regoperator from pg_operator where oid >= 16384
union all select 'cast ' || castsource::regtype || casttarget::regtype from pg_cast where oid >= 16384
union all select 'collation ' || collname from pg_collation where oid >= 16384
union all select 'text search ' || cfgname from pg_ts_config where oid >= 16384
union all select 'access method ' || amname from pg_am where oid >= 16384
union all select 'statistics ' || stxname from pg_statistic_ext
union all select 'language ' || lanname from pg_language
union all select 'extension ' || extname from pg_extension
union all select 'schema ' || nspname || coalesce(nspacl::text, '') from pg_namespace
    where nspname !~ '^pg_(temp|toast_temp)'
union all select 'defaults ' || defaclacl::text from pg_default_acl
union all select 'comment ' || objoid || description from pg_description where objoid >= 16384
union all select 'publication ' || pubname from pg_publication
union all select 'server ' || srvname from pg_foreign_server
union all select 'wrapper ' || fdwname from pg_foreign_data_wrapper
union all select 'large object ' || loid || encode(data, 'hex') from pg_largeobject
union all select 'large object ' || oid from pg_largeobject_metadata
union all select 'role ' || rolname || rolsuper || rolcanlogin || rolbypassrls || coalesce(rolpassword, '') from pg_authid
union all select 'member ' || roleid::regrole || member::regrole from pg_auth_members
union all select 'stored setting ' || setdatabase || setrole || setconfig::text from pg_db_role_setting
union all select 'file setting ' || name || setting from pg_file_settings
union all select 'database ' || datname || datconnlimit || coalesce(datacl::text, '') from pg_database
union all select 'slot ' || slot_name from pg_replication_slots
union all select 'prepared transaction ' || gid from pg_prepared_xacts
union all select 'file ' || name from pg_ls_dir('FOLDER') name
order by 1
