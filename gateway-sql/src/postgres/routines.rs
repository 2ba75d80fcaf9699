//! Functions, types, operators, schemas: definitions that are not tables.

use gateway_policy::facts::{Kind, Name, ObjectKind, On, Reason};
use pg_raw_parse::list::CastNodeList;
use pg_raw_parse::{Node, nodes};

use super::objects::object_kind;
use super::texts;
use crate::gather::{Gathering, Use};

impl<'t> Gathering<'t, '_> {
    /// What it does when it is called is opaque from now on; making it runs nothing.
    pub(crate) fn create_function(&mut self, function: &'t nodes::CreateFunctionStmt) {
        let what = if function.is_procedure { ObjectKind::Procedure } else { ObjectKind::Function };
        self.made(what, &texts(function.funcname()));
        for option in function.options() {
            if let Node::VariableSetStmt(set) = option.arg() {
                self.carried_setting(set);
            }
        }
        for parameter in function.parameters() {
            self.expression(parameter.defexpr(), Use::Value);
        }
    }

    pub(crate) fn alter_function(&mut self, alter: &'t nodes::AlterFunctionStmt) {
        match alter.func() {
            Some(function) => self.named_object(Kind::Alter, alter.objtype, Node::ObjectWithArgs(function)),
            None => self.not_understood("an ALTER FUNCTION"),
        }
        for action in alter.actions() {
            if let Node::VariableSetStmt(set) = action.arg() {
                self.carried_setting(set);
            }
        }
    }

    /// The elements of CREATE SCHEMA are statements of their own, in the schema that is made.
    pub(crate) fn create_schema(&mut self, schema: &'t nodes::CreateSchemaStmt) {
        let name = schema.schemaname().or(schema.authrole().and_then(|role| role.rolename()));
        self.server_object(Kind::Create, ObjectKind::Schema, name);
        if !schema.schema_elts().is_empty() {
            // Names inside are looked up in the new schema first, which nobody can see yet.
            self.unknown(Reason::NotUnderstood, Some("elements of CREATE SCHEMA"));
        }
        for element in schema.schema_elts() {
            self.statement(element);
        }
    }

    /// Types, operators, casts and the rest.
    pub(crate) fn type_statement(&mut self, node: Node<'t>) {
        use ObjectKind as O;
        match node {
            Node::DefineStmt(define) => match object_kind(define.kind) {
                Some(what) => self.made(what, &strings(define.defnames())),
                None => self.not_understood("a CREATE"),
            },
            Node::CompositeTypeStmt(composite) => match composite.typevar() {
                Some(name) => {
                    let name = self.name_to_be_made(name);
                    self.effect(Kind::Create, On::Object(O::Type, name));
                }
                None => self.not_understood("a CREATE TYPE"),
            },
            Node::CreateEnumStmt(create) => self.made(O::Type, &strings(create.type_name())),
            Node::CreateRangeStmt(create) => self.made(O::Type, &strings(create.type_name())),
            Node::AlterEnumStmt(alter) => self.altered(O::Type, &strings(alter.type_name())),
            Node::AlterTypeStmt(alter) => self.altered(O::Type, &texts(alter.type_name())),
            Node::CreateDomainStmt(domain) => {
                self.made(O::Domain, &strings(domain.domainname()));
                for constraint in domain.constraints() {
                    self.expression(constraint.raw_expr(), Use::Value);
                }
            }
            Node::AlterDomainStmt(domain) => {
                self.altered(O::Domain, &texts(domain.type_name()));
                match domain.def() {
                    // A check is tried on all values there are.
                    Node::Constraint(constraint) => self.constraint(constraint),
                    default => self.expression(default, Use::Value),
                }
            }
            Node::CreateCastStmt(_) => self.server_object(Kind::Create, O::Cast, None),
            Node::CreateTransformStmt(_) => self.server_object(Kind::Create, O::Transform, None),
            Node::CreateConversionStmt(create) => self.made(O::Conversion, &texts(create.conversion_name())),
            Node::AlterCollationStmt(alter) => self.altered(O::Collation, &texts(alter.collname())),
            Node::CreateOpClassStmt(create) => self.made(O::OperatorClass, &strings(create.opclassname())),
            Node::CreateOpFamilyStmt(create) => self.made(O::OperatorFamily, &strings(create.opfamilyname())),
            Node::AlterOpFamilyStmt(alter) => self.altered(O::OperatorFamily, &strings(alter.opfamilyname())),
            Node::AlterOperatorStmt(alter) => match alter.opername() {
                Some(name) => self.altered(O::Operator, &texts(name.objname())),
                None => self.not_understood("an ALTER OPERATOR"),
            },
            Node::AlterStatsStmt(alter) => self.altered(O::Statistics, &strings(alter.defnames())),
            Node::AlterTSDictionaryStmt(alter) => self.altered(O::TextSearch, &strings(alter.dictname())),
            Node::AlterTSConfigurationStmt(alter) => self.altered(O::TextSearch, &strings(alter.cfgname())),
            _ => self.not_understood("a statement"),
        }
    }

    fn made(&mut self, what: ObjectKind, name: &[&str]) {
        let name = match name {
            [name] => self.names.to_be_made(None, name),
            [.., schema, name] => self.names.to_be_made(Some(schema), name),
            [] => return self.not_understood("a name"),
        };
        self.effect(Kind::Create, On::Object(what, name));
    }

    fn altered(&mut self, what: ObjectKind, name: &[&str]) {
        use gateway_policy::facts::Schema;
        let (schema, name) = match name {
            [name] => (Schema::Unresolved, *name),
            [.., schema, name] => (Schema::Known((*schema).to_owned()), *name),
            [] => return self.not_understood("a name"),
        };
        self.effect(Kind::Alter, On::Object(what, Name { schema, name: name.to_owned() }));
    }
}

fn strings(list: &CastNodeList<nodes::String>) -> Vec<&str> {
    list.iter().filter_map(nodes::String::sval).collect()
}
