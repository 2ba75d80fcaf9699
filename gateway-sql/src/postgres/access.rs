//! Roles, rights and settings that bite later.

use gateway_policy::facts::{Kind, Name, ObjectKind, On, Schema, Setting};
use pg_raw_parse::list::NodeList;
use pg_raw_parse::{Node, make, nodes};

use super::objects::object_kind;
use crate::gather::Gathering;

impl<'t> Gathering<'t, '_> {
    pub(crate) fn grant(&mut self, grant: &'t nodes::GrantStmt) {
        use nodes::GrantTargetType as G;
        let kind = if grant.is_grant { Kind::Grant } else { Kind::Revoke };
        match grant.targtype {
            G::ACL_TARGET_OBJECT => self.grant_on_objects(kind, grant),
            G::ACL_TARGET_ALL_IN_SCHEMA => {
                for schema in grant_names(grant) {
                    self.server_object(kind, ObjectKind::Schema, Some(&schema));
                }
            }
            _ => self.not_understood("a GRANT"),
        }
        if grant.objects().is_empty() {
            self.not_understood("a GRANT");
        }
    }

    fn grant_on_objects(&mut self, kind: Kind, grant: &'t nodes::GrantStmt) {
        let Some(what) = object_kind(grant.objtype) else { return self.not_understood("a GRANT") };
        if matches!(what, ObjectKind::Table | ObjectKind::Sequence) {
            // Of other kinds the list holds other nodes, though its type does not say so.
            for relation in grant.objects() {
                let name = self.object_of(relation);
                self.effect(kind, On::Object(what, name));
            }
            return;
        }
        for name in grant_names(grant) {
            let (schema, name) = match name.rsplit_once('\u{0}') {
                Some((schema, name)) => (Schema::Known(schema.to_owned()), name.to_owned()),
                None if has_schema(what) => (Schema::Unresolved, name),
                None => (Schema::None, name),
            };
            self.effect(kind, On::Object(what, Name { schema, name }));
        }
    }

    pub(crate) fn grant_roles(&mut self, grant: &'t nodes::GrantRoleStmt) {
        let kind = if grant.is_grant { Kind::Grant } else { Kind::Revoke };
        for role in grant.granted_roles() {
            match role {
                Node::AccessPriv(role) => self.role(kind, role.priv_name()),
                _ => self.not_understood("a role"),
            }
        }
        self.role_specs(kind, grant.grantee_roles());
    }

    pub(crate) fn default_privileges(&mut self, alter: &'t nodes::AlterDefaultPrivilegesStmt) {
        let granted = alter.action().is_none_or(|action| action.is_grant);
        self.server_object(Kind::Alter, ObjectKind::DefaultPrivileges, Some("default privileges"));
        self.server_object(
            if granted { Kind::Grant } else { Kind::Revoke },
            ObjectKind::DefaultPrivileges,
            Some("default privileges"),
        );
    }

    pub(crate) fn role(&mut self, kind: Kind, role: Option<&str>) {
        self.server_object(kind, ObjectKind::Role, Some(role.unwrap_or("current_user")));
    }

    pub(crate) fn alter_role(&mut self, alter: &'t nodes::AlterRoleStmt) {
        self.role(Kind::Alter, role_name(alter.role()));
        for option in alter.options() {
            // ALTER GROUP ... ADD USER.
            if let Node::NodeList(members) = option.arg() {
                self.role_specs(Kind::Grant, members);
            }
        }
    }

    pub(crate) fn alter_role_setting(&mut self, alter: &'t nodes::AlterRoleSetStmt) {
        self.stored_setting(alter.setstmt());
        let role = alter.role().map_or(Some("all"), |role| role_name(Some(role)));
        self.role(Kind::Alter, role);
    }

    pub(crate) fn alter_database_setting(&mut self, alter: &'t nodes::AlterDatabaseSetStmt) {
        self.stored_setting(alter.setstmt());
        self.server_object(Kind::Alter, ObjectKind::Database, alter.dbname());
    }

    fn stored_setting(&mut self, set: Option<&'t nodes::VariableSetStmt>) {
        let name = set.map_or("all", |set| set.name().unwrap_or("all")).to_ascii_lowercase();
        self.server_object(Kind::Alter, ObjectKind::StoredSetting, Some(&name));
    }

    pub(crate) fn alter_system(&mut self, alter: &'t nodes::AlterSystemStmt) {
        let name = alter.setstmt().map_or("all", |set| set.name().unwrap_or("all")).to_ascii_lowercase();
        self.server_object(Kind::Alter, ObjectKind::System, Some(&name));
    }

    pub(crate) fn drop_roles(&mut self, drop: &'t nodes::DropRoleStmt) {
        self.role_specs(Kind::Drop, drop.roles());
    }

    pub(crate) fn role_specs(&mut self, kind: Kind, roles: &'t NodeList) {
        for role in roles {
            match role {
                Node::RoleSpec(role) => self.role(kind, role_name(Some(role))),
                _ => self.not_understood("a role"),
            }
        }
    }

    pub(crate) fn owned(&mut self, kind: Kind) {
        self.server_object(kind, ObjectKind::Owned, Some("owned"));
    }

    /// Something that lives in no schema.
    pub(crate) fn server_object(&mut self, kind: Kind, what: ObjectKind, name: Option<&str>) {
        let name = Name { schema: Schema::None, name: name.unwrap_or_default().to_owned() };
        self.effect(kind, On::Object(what, name));
    }

    /// SET, where a function or procedure carries it along.
    pub(crate) fn carried_setting(&mut self, set: &'t nodes::VariableSetStmt) {
        let name = set.name().unwrap_or("all").to_ascii_lowercase();
        self.effect(Kind::Set, On::Setting(Setting { name, value: None }));
    }
}

fn role_name(role: Option<&nodes::RoleSpec>) -> Option<&str> {
    use nodes::RoleSpecType as R;
    let role = role?;
    match role.roletype {
        R::ROLESPEC_CSTRING => role.rolename(),
        R::ROLESPEC_PUBLIC => Some("public"),
        R::ROLESPEC_SESSION_USER => Some("session_user"),
        _ => Some("current_user"),
    }
}

fn has_schema(what: ObjectKind) -> bool {
    matches!(
        what,
        ObjectKind::Function
            | ObjectKind::Procedure
            | ObjectKind::Aggregate
            | ObjectKind::Type
            | ObjectKind::Domain
    )
}

/// The names in a GRANT on anything but relations; a schema is set apart by a zero byte.
///
/// The library gives this list the type that it has for relations. A copy of it can be looked at node by node.
fn grant_names(grant: &nodes::GrantStmt) -> Vec<String> {
    let mut names = Vec::new();
    make::owned(|memory| {
        let copy = memory.make_unique(grant.objects()).uncast();
        if let Node::NodeList(list) = copy.as_ref() {
            names.extend(list.iter().filter_map(object_text));
        }
        memory.empty()
    });
    names
}

fn object_text(node: Node<'_>) -> Option<String> {
    match node {
        Node::String(text) => text.sval().map(str::to_owned),
        Node::ObjectWithArgs(object) => Some(super::texts(object.objname()).join("\u{0}")),
        Node::NodeList(parts) => Some(super::texts(parts).join("\u{0}")),
        Node::Integer(number) => Some(number.ival.to_string()),
        Node::Float(number) => number.fval().map(str::to_owned),
        _ => None,
    }
}
