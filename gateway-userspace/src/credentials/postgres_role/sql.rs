//! The commands with which a login is made, shut and dropped.
//!
//! Names of logins are the gateway's own and need no quotes; those of the configuration are quoted.

/// How long a login can be used to log in. Its session may last longer.
const VALID: &str = "60 seconds";

/// Makes a login with its memberships, all or nothing. Inside a block, so that the server's log of statements does not
/// show the verifier.
pub fn mint(login: &str, verifier: &str, grant: &[String]) -> String {
    let memberships: String = grant
        .iter()
        .map(|role| {
            let role = literal(role);
            format!(
                "execute format('grant %I to {login} with inherit true, set false, admin false', {role}); "
            )
        })
        .collect();
    let verifier = literal(verifier);
    format!(
        "do $postern$ begin execute format('create role {login} login nosuperuser nocreatedb nocreaterole \
         noreplication nobypassrls inherit connection limit 1 password %L valid until %L', \
         {verifier}, now() + interval '{VALID}'); {memberships}end $postern$"
    )
}

/// Nobody logs in with it again.
pub fn shut(login: &str) -> String {
    format!("alter role {login} nologin password null")
}

/// Ends what the login still runs, and tells where it left traces: databases, and with them prepared transactions.
///
/// The gateway has to be a member to do so, and is one for as long as the login exists.
pub fn end(login: &str) -> String {
    let name = literal(login);
    format!(
        "alter role {login} nologin password null; \
         grant {login} to current_user with inherit true, set true; \
         select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = {name}; \
         select database, gid from pg_prepared_xacts where owner = {name} \
         union select d.datname, null from pg_shdepend s join pg_database d on d.oid = s.dbid \
         where s.refclassid = 'pg_authid'::regclass and s.refobjid = {name}::regrole"
    )
}

/// Only the owner of a prepared transaction may end it.
pub fn put_on(login: &str) -> String {
    format!("set role {login}")
}

pub fn roll_back(prepared: &str) -> String {
    format!("rollback prepared {}", literal(prepared))
}

pub fn drop_owned(login: &str) -> String {
    format!("drop owned by {login}")
}

pub fn drop_role(login: &str) -> String {
    format!("drop role {login}")
}

/// What an administrator runs once: a login that can make logins, and give them these memberships and no others.
pub fn install(user: &str, grant: &[String]) -> String {
    let (name, user) = (literal(user), identifier(user));
    let grants: String = grant
        .iter()
        .map(|role| {
            format!("grant {} to {user} with admin true, inherit false, set false;\n", identifier(role))
        })
        .collect();
    format!(
        "-- The gateway's login, which makes a login for each session. To be run by an administrator.\n\
         begin;\n\
         do $postern$ begin\n    \
         if not exists (select from pg_catalog.pg_roles where rolname = {name}) then create role {user}; end if;\n\
         end $postern$;\n\
         alter role {user} login createrole noinherit nosuperuser nocreatedb noreplication nobypassrls;\n\
         -- It can give these away, and has nothing of them itself.\n\
         {grants}commit;\n"
    )
}

/// All logins whose names begin like this.
pub fn list(prefix: &str) -> String {
    format!("select rolname from pg_roles where starts_with(rolname, {})", literal(prefix))
}

/// A string of SQL, whatever `standard_conforming_strings` is.
pub fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// A name of SQL.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_membership_is_inherited_and_cannot_be_put_on_or_passed_on() {
        let sql = mint("postern_x", "SCRAM-SHA-256$…", &["app_ro".to_owned(), "it's".to_owned()]);
        assert!(
            sql.contains("'grant %I to postern_x with inherit true, set false, admin false', E'app_ro'"),
            "{sql}"
        );
        assert!(sql.contains("E'it\\'s'"), "{sql}");
        for word in [
            "nosuperuser",
            "nocreatedb",
            "nocreaterole",
            "noreplication",
            "nobypassrls",
            "connection limit 1",
        ] {
            assert!(sql.contains(word), "{word}");
        }
    }

    #[test]
    fn text_stays_text() {
        assert_eq!(literal("a'b\\c"), "E'a\\'b\\\\c'");
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
    }
}
