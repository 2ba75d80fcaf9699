//! Functions that are called, operators that are used and types that are cast to.

use gateway_policy::facts::{Argument, Kind, Name, Nature, On, Schema, Setting};
use pg_raw_parse::list::NodeList;
use pg_raw_parse::{ConstValue, Node, nodes};

use super::texts;
use crate::gather::{Gathering, Use};

/// Of more arguments nobody writes rules.
const ARGUMENTS: usize = 8;

impl<'t> Gathering<'t, '_> {
    pub(crate) fn call(&mut self, kind: Kind, call: &'t nodes::FuncCall, usage: Use) {
        let name = texts(call.funcname());
        let (name, nature) = match name.as_slice() {
            [name] => self.names.function(None, name),
            [schema, name] | [_, schema, name] => self.names.function(Some(schema), name),
            _ => return self.not_understood("a function name"),
        };
        let arguments: Vec<_> = call.args().iter().take(ARGUMENTS).map(argument).collect();
        if name.name == "set_config" {
            self.set_by_function(&arguments);
        }
        self.function(kind, name, nature, arguments);
        self.expressions(call.args(), usage);
        for sort in call.agg_order() {
            self.sort(sort, usage);
        }
        self.expression(call.agg_filter(), Use::Filter);
        if let Some(window) = call.over() {
            self.window(window);
        }
    }

    /// `set_config` is SET by another name.
    fn set_by_function(&mut self, arguments: &[Argument]) {
        let text = |argument: Option<&Argument>| match argument {
            Some(Argument::Constant(text)) => Some(text.clone()),
            _ => None,
        };
        match text(arguments.first()) {
            Some(name) => {
                let setting = Setting { name: name.to_ascii_lowercase(), value: text(arguments.get(1)) };
                self.effect(Kind::Set, On::Setting(setting));
            }
            None => self.not_understood("set_config"),
        }
    }

    /// An operator, of which only those that are not PostgreSQL's own are told.
    pub(crate) fn operator(&mut self, name: &'t NodeList) {
        let (schema, name) = match texts(name).as_slice() {
            [] => return,
            [name] => (None, *name),
            [schema, name] => (Some(*schema), *name),
            _ => return self.not_understood("an operator"),
        };
        self.operator_named(schema, name);
    }

    pub(crate) fn operator_named(&mut self, schema: Option<&str>, name: &str) {
        if !self.names.is_own_operator(schema, name) {
            self.function(Kind::Function, foreign(schema, name), Nature::Unknown, Vec::new());
        }
    }

    /// A type that something is cast to, of which only those are told whose casts may run code.
    pub(crate) fn type_name(&mut self, name: Option<&'t nodes::TypeName>) {
        let Some(name) = name else { return };
        self.expressions(name.typmods(), Use::Value);
        let names: Vec<&str> = name.names().iter().filter_map(|part| part.sval()).collect();
        let (schema, name) = match names.as_slice() {
            [name] => (None, *name),
            [schema, name] => (Some(*schema), *name),
            // `relation.column%TYPE`, which only says which type is meant.
            _ => return,
        };
        if !self.names.is_plain_type(schema, name) {
            self.function(Kind::Function, foreign(schema, name), Nature::Unknown, Vec::new());
        }
    }
}

fn foreign(schema: Option<&str>, name: &str) -> Name {
    let schema = schema.map_or(Schema::Unresolved, |schema| Schema::Known(schema.to_owned()));
    Name { schema, name: name.to_owned() }
}

fn argument(node: Node<'_>) -> Argument {
    match node {
        Node::A_Const(constant) => constant.val().map_or(Argument::Computed, |value| match value {
            ConstValue::Integer(number) => Argument::Constant(number.to_string()),
            ConstValue::Float(text) | ConstValue::String(text) | ConstValue::BitString(text) => {
                Argument::Constant(text.to_owned())
            }
            ConstValue::Boolean(value) => Argument::Constant(value.to_string()),
            _ => Argument::Computed,
        }),
        Node::ParamRef(parameter) => {
            u16::try_from(parameter.number).map_or(Argument::Computed, Argument::Parameter)
        }
        Node::TypeCast(cast) if matches!(cast.arg(), Node::A_Const(_) | Node::ParamRef(_)) => {
            argument(cast.arg())
        }
        Node::NamedArgExpr(_) => Argument::Computed,
        _ => Argument::Computed,
    }
}
