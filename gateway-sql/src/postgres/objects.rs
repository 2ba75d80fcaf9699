//! DROP, COMMENT, RENAME and the other statements that name a thing of any kind.

use gateway_policy::facts::{Kind, Name, ObjectKind, On, Schema};
use pg_raw_parse::{Node, nodes};

use super::texts;
use crate::gather::Gathering;

/// The word for a kind of thing. `None` for kinds that no statement of an agent can name.
pub(crate) fn object_kind(kind: nodes::ObjectType::Type) -> Option<ObjectKind> {
    use ObjectKind as O;
    use nodes::ObjectType as T;
    Some(match kind {
        T::OBJECT_TABLE => O::Table,
        T::OBJECT_FOREIGN_TABLE => O::ForeignTable,
        T::OBJECT_VIEW => O::View,
        T::OBJECT_MATVIEW => O::MaterializedView,
        T::OBJECT_INDEX => O::Index,
        T::OBJECT_SEQUENCE => O::Sequence,
        T::OBJECT_COLUMN | T::OBJECT_ATTRIBUTE | T::OBJECT_DEFAULT => O::Column,
        T::OBJECT_TABCONSTRAINT => O::Constraint,
        T::OBJECT_SCHEMA => O::Schema,
        T::OBJECT_DATABASE => O::Database,
        T::OBJECT_ROLE => O::Role,
        T::OBJECT_TABLESPACE => O::Tablespace,
        T::OBJECT_FUNCTION | T::OBJECT_ROUTINE => O::Function,
        T::OBJECT_PROCEDURE => O::Procedure,
        T::OBJECT_AGGREGATE => O::Aggregate,
        T::OBJECT_OPERATOR => O::Operator,
        T::OBJECT_OPCLASS => O::OperatorClass,
        T::OBJECT_OPFAMILY | T::OBJECT_AMOP | T::OBJECT_AMPROC => O::OperatorFamily,
        T::OBJECT_TYPE => O::Type,
        T::OBJECT_DOMAIN | T::OBJECT_DOMCONSTRAINT => O::Domain,
        T::OBJECT_CAST => O::Cast,
        T::OBJECT_COLLATION => O::Collation,
        T::OBJECT_CONVERSION => O::Conversion,
        T::OBJECT_EXTENSION => O::Extension,
        T::OBJECT_LANGUAGE => O::Language,
        T::OBJECT_TRANSFORM => O::Transform,
        T::OBJECT_TRIGGER => O::Trigger,
        T::OBJECT_EVENT_TRIGGER => O::EventTrigger,
        T::OBJECT_RULE => O::Rule,
        T::OBJECT_POLICY => O::RowPolicy,
        T::OBJECT_PUBLICATION | T::OBJECT_PUBLICATION_NAMESPACE | T::OBJECT_PUBLICATION_REL => O::Publication,
        T::OBJECT_SUBSCRIPTION => O::Subscription,
        T::OBJECT_FOREIGN_SERVER => O::Server,
        T::OBJECT_USER_MAPPING => O::UserMapping,
        T::OBJECT_FDW => O::ForeignDataWrapper,
        T::OBJECT_ACCESS_METHOD => O::AccessMethod,
        T::OBJECT_STATISTIC_EXT => O::Statistics,
        T::OBJECT_TSCONFIGURATION | T::OBJECT_TSDICTIONARY | T::OBJECT_TSPARSER | T::OBJECT_TSTEMPLATE => {
            O::TextSearch
        }
        T::OBJECT_LARGEOBJECT => O::LargeObject,
        T::OBJECT_DEFACL => O::DefaultPrivileges,
        T::OBJECT_PARAMETER_ACL => O::System,
        _ => return None,
    })
}

/// Things that belong to a table and are told by its name.
fn is_part(kind: ObjectKind) -> bool {
    matches!(
        kind,
        ObjectKind::Trigger
            | ObjectKind::Rule
            | ObjectKind::RowPolicy
            | ObjectKind::Column
            | ObjectKind::Constraint
    )
}

fn is_relation(kind: ObjectKind) -> bool {
    use ObjectKind as O;
    matches!(kind, O::Table | O::ForeignTable | O::View | O::MaterializedView | O::Index | O::Sequence)
}

fn has_no_schema(kind: ObjectKind) -> bool {
    use ObjectKind as O;
    matches!(
        kind,
        O::Schema
            | O::Database
            | O::Role
            | O::Tablespace
            | O::Extension
            | O::Language
            | O::EventTrigger
            | O::Publication
            | O::Subscription
            | O::Server
            | O::UserMapping
            | O::ForeignDataWrapper
            | O::AccessMethod
            | O::LargeObject
            | O::Cast
            | O::Transform
            | O::DefaultPrivileges
            | O::System
    )
}

impl<'t> Gathering<'t, '_> {
    pub(crate) fn drop_objects(&mut self, drop: &'t nodes::DropStmt) {
        for object in drop.objects() {
            self.named_object(Kind::Drop, drop.remove_type, object);
        }
    }

    /// An effect on a thing that is named by a node of whatever form its kind demands.
    pub(crate) fn named_object(&mut self, kind: Kind, what: nodes::ObjectType::Type, object: Node<'t>) {
        let Some(what) = object_kind(what) else { return self.not_understood("a kind of object") };
        match self.object_name(what, object) {
            Some(name) => self.effect(kind, On::Object(what, name)),
            None => self.not_understood("the name of an object"),
        }
    }

    fn object_name(&self, what: ObjectKind, object: Node<'_>) -> Option<Name> {
        let mut parts: Vec<&str> = match object {
            Node::String(name) => vec![name.sval()?],
            Node::NodeList(list) => match list.first()? {
                // A cast is named by two types, a transform by a type and a language.
                Node::TypeName(of) => of.names().iter().filter_map(|part| part.sval()).collect(),
                _ => texts(list),
            },
            Node::ObjectWithArgs(object) => texts(object.objname()),
            Node::TypeName(of) => of.names().iter().filter_map(|part| part.sval()).collect(),
            Node::RangeVar(relation) => return Some(self.object_of(relation)),
            Node::Float(number) => vec![number.fval()?],
            Node::Integer(number) => return Some(own(&number.ival.to_string())),
            _ => return None,
        };
        if is_part(what) && parts.len() > 1 {
            parts.pop();
        }
        if matches!(what, ObjectKind::OperatorClass | ObjectKind::OperatorFamily) && parts.len() > 1 {
            // The access method stands first.
            parts.remove(0);
        }
        match parts.as_slice() {
            [name] if has_no_schema(what) => Some(own(name)),
            [name] if is_relation(what) || is_part(what) => Some(self.names.relation(None, name)),
            [name] => Some(Name { schema: Schema::Unresolved, name: (*name).to_owned() }),
            [.., _, name] if has_no_schema(what) => Some(own(name)),
            [.., schema, name] => {
                Some(Name { schema: Schema::Known((*schema).to_owned()), name: (*name).to_owned() })
            }
            [] => None,
        }
    }

    pub(crate) fn rename(&mut self, rename: &'t nodes::RenameStmt) {
        self.changed(rename.rename_type, rename.relation(), rename.object(), rename.subname());
    }

    pub(crate) fn alter_schema_of(&mut self, alter: &'t nodes::AlterObjectSchemaStmt) {
        self.changed(alter.object_type, alter.relation(), alter.object(), None);
        self.server_object(Kind::Alter, ObjectKind::Schema, alter.newschema());
    }

    pub(crate) fn alter_owner(&mut self, alter: &'t nodes::AlterOwnerStmt) {
        self.changed(alter.object_type, alter.relation(), alter.object(), None);
    }

    pub(crate) fn alter_dependency(&mut self, alter: &'t nodes::AlterObjectDependsStmt) {
        self.changed(alter.object_type, alter.relation(), alter.object(), None);
    }

    /// A thing is altered that is named as a relation or by a node.
    fn changed(
        &mut self,
        what: nodes::ObjectType::Type,
        relation: Option<&'t nodes::RangeVar>,
        object: Node<'t>,
        part: Option<&str>,
    ) {
        let Some(kind) = object_kind(what) else { return self.not_understood("a kind of object") };
        match (relation, object, part) {
            (Some(relation), _, _) => {
                let name = self.object_of(relation);
                self.effect(Kind::Alter, On::Object(kind, name));
            }
            (None, Node::None, Some(name)) => self.server_object(Kind::Alter, kind, Some(name)),
            (None, object, _) => self.named_object(Kind::Alter, what, object),
        }
    }
}

/// The name of something that lives in no schema.
fn own(name: &str) -> Name {
    Name { schema: Schema::None, name: name.to_owned() }
}
