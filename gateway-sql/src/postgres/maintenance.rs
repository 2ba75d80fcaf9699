//! VACUUM, ANALYZE, CLUSTER, REINDEX, REFRESH, LOCK, TRUNCATE.

use gateway_policy::facts::{Columns, Effect, Kind, Name, ObjectKind, On, Restriction, Schema};
use pg_raw_parse::list::NodeList;
use pg_raw_parse::{Node, nodes};

use super::texts;
use crate::gather::Gathering;

impl<'t> Gathering<'t, '_> {
    pub(crate) fn lock(&mut self, lock: &'t nodes::LockStmt) {
        for node in lock.relations() {
            match node {
                Node::RangeVar(relation) => {
                    let name = self.target(relation);
                    self.locked(Kind::LockTable, name);
                }
                _ => self.not_understood("a relation"),
            }
        }
    }

    /// One effect on each relation of a list.
    pub(crate) fn relations(&mut self, kind: Kind, list: &'t NodeList) {
        for node in list {
            match node {
                Node::RangeVar(relation) => self.relation_effect(kind, relation, Columns::None),
                _ => self.not_understood("a relation"),
            }
        }
    }

    fn relation_effect(&mut self, kind: Kind, relation: &'t nodes::RangeVar, columns: Columns) {
        let name = self.target(relation);
        self.push(Effect {
            columns,
            restriction: Restriction::Absent,
            ..Effect::new(kind, On::Relation(name))
        });
    }

    pub(crate) fn vacuum(&mut self, vacuum: &'t nodes::VacuumStmt) {
        let analyzes = vacuum.options().iter().any(|option| option.defname() == Some("analyze"));
        let mut kinds = vec![if vacuum.is_vacuumcmd { Kind::Vacuum } else { Kind::Analyze }];
        if vacuum.is_vacuumcmd && analyzes {
            kinds.push(Kind::Analyze);
        }
        for kind in kinds {
            if vacuum.rels().is_empty() {
                self.effect(kind, On::Nothing);
            }
            for relation in vacuum.rels() {
                let columns = texts(relation.va_cols()).into_iter().map(str::to_owned).collect::<Vec<_>>();
                let columns = if columns.is_empty() { Columns::None } else { Columns::These(columns) };
                match relation.relation() {
                    Some(name) => self.relation_effect(kind, name, columns),
                    None => self.effect(kind, On::Nothing),
                }
            }
        }
    }

    pub(crate) fn cluster(&mut self, cluster: &'t nodes::ClusterStmt) {
        match cluster.relation() {
            Some(relation) => self.relation_effect(Kind::Cluster, relation, Columns::None),
            None => self.effect(Kind::Cluster, On::Nothing),
        }
    }

    pub(crate) fn reindex(&mut self, reindex: &'t nodes::ReindexStmt) {
        use nodes::ReindexObjectType as R;
        let own =
            |name: Option<&str>| Name { schema: Schema::None, name: name.unwrap_or_default().to_owned() };
        let on = match (reindex.kind, reindex.relation()) {
            (R::REINDEX_OBJECT_INDEX, Some(relation)) => {
                On::Object(ObjectKind::Index, self.object_of(relation))
            }
            (R::REINDEX_OBJECT_TABLE, Some(relation)) => {
                On::Object(ObjectKind::Table, self.object_of(relation))
            }
            (R::REINDEX_OBJECT_SCHEMA, _) => On::Object(ObjectKind::Schema, own(reindex.name())),
            (R::REINDEX_OBJECT_SYSTEM | R::REINDEX_OBJECT_DATABASE, _) => {
                On::Object(ObjectKind::Database, own(reindex.name()))
            }
            _ => return self.not_understood("a REINDEX"),
        };
        self.effect(Kind::Reindex, on);
    }

    /// The view's query runs, with the rights of its owner; what it reads was decided when the view was made.
    pub(crate) fn refresh(&mut self, refresh: &'t nodes::RefreshMatViewStmt) {
        let Some(relation) = refresh.relation() else { return self.not_understood("a REFRESH") };
        let name = self.target(relation);
        self.effect(Kind::Refresh, On::Object(ObjectKind::MaterializedView, name));
    }

    /// The name of a relation, for an effect on it as a thing.
    pub(crate) fn object_of(&self, relation: &nodes::RangeVar) -> Name {
        self.names.relation(relation.schemaname(), relation.relname().unwrap_or_default())
    }
}
