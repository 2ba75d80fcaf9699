//! Every kind of statement, and where it is looked into.

use gateway_policy::facts::{Kind, Limit, ObjectKind, On, Reason};
use pg_raw_parse::{Node, nodes};

use crate::gather::{Gathering, Use};

impl<'t> Gathering<'t, '_> {
    /// A statement of its own, or the one inside EXPLAIN, PREPARE and the like.
    pub(crate) fn statement(&mut self, node: Node<'t>) {
        self.deeper(|this| match node {
            Node::SelectStmt(select) => this.top_select(select),
            Node::InsertStmt(insert) => {
                this.without_returning(insert.returning_clause());
                this.insert(insert);
            }
            Node::UpdateStmt(update) => {
                this.without_returning(update.returning_clause());
                this.update(update);
            }
            Node::DeleteStmt(delete) => {
                this.without_returning(delete.returning_clause());
                this.delete(delete);
            }
            Node::MergeStmt(merge) => {
                this.without_returning(merge.returning_clause());
                this.merge(merge);
            }
            Node::TransactionStmt(transaction) => this.transaction(transaction),
            Node::VariableSetStmt(set) => this.set(set),
            Node::VariableShowStmt(show) => this.show(show),
            Node::CopyStmt(copy) => this.copy(copy),
            Node::ExplainStmt(explain) => this.explain(explain),
            _ => this.session_statement(node),
        });
    }

    /// A write that returns nothing has no rows in its result.
    fn without_returning(&mut self, clause: Option<&nodes::ReturningClause>) {
        if clause.is_none() {
            self.statement.limit = Limit::Rows(0);
        }
    }

    /// Statements about the session's own things, and those that look after the server.
    fn session_statement(&mut self, node: Node<'t>) {
        match node {
            Node::PrepareStmt(prepare) => self.prepare(prepare),
            Node::ExecuteStmt(execute) => self.execute(execute),
            Node::DeallocateStmt(deallocate) => self.label(Kind::Deallocate, deallocate.name()),
            Node::DeclareCursorStmt(cursor) => self.declare_cursor(cursor),
            Node::FetchStmt(fetch) => self.fetch(fetch),
            Node::ClosePortalStmt(close) => self.label(Kind::CloseCursor, close.portalname()),
            Node::ListenStmt(listen) => self.label(Kind::Listen, listen.conditionname()),
            Node::UnlistenStmt(unlisten) => self.label(Kind::Unlisten, unlisten.conditionname()),
            Node::NotifyStmt(notify) => self.label(Kind::Notify, notify.conditionname()),
            Node::DiscardStmt(discard) => self.discard(discard),
            Node::LockStmt(lock) => self.lock(lock),
            Node::TruncateStmt(truncate) => self.relations(Kind::Truncate, truncate.relations()),
            Node::ConstraintsSetStmt(_) => self.effect(Kind::SetConstraints, On::Nothing),
            Node::VacuumStmt(vacuum) => self.vacuum(vacuum),
            Node::ClusterStmt(cluster) => self.cluster(cluster),
            Node::ReindexStmt(reindex) => self.reindex(reindex),
            Node::RefreshMatViewStmt(refresh) => self.refresh(refresh),
            Node::CheckPointStmt(_) => self.effect(Kind::Checkpoint, On::Nothing),
            Node::LoadStmt(load) => self.label(Kind::Load, load.filename()),
            Node::CallStmt(call) => match call.funccall() {
                Some(call) => self.call(Kind::Call, call, Use::Value),
                None => self.not_understood("a CALL"),
            },
            Node::DoStmt(_) => {
                self.effect(Kind::Do, On::Nothing);
                self.unknown(Reason::OpaqueCode, Some("DO"));
            }
            _ => self.definition(node),
        }
    }

    /// Statements that make, change or remove things.
    fn definition(&mut self, node: Node<'t>) {
        match node {
            Node::CreateStmt(create) => self.create_table(create),
            Node::CreateTableAsStmt(create) => self.create_table_as(create),
            Node::ViewStmt(view) => self.create_view(view),
            Node::IndexStmt(index) => self.create_index(index),
            Node::AlterTableStmt(alter) => self.alter_table(alter),
            Node::CreateSeqStmt(sequence) => self.create_sequence(sequence),
            Node::AlterSeqStmt(sequence) => self.alter_sequence(sequence),
            Node::CreateTrigStmt(trigger) => self.create_trigger(trigger),
            Node::RuleStmt(rule) => self.create_rule(rule),
            Node::CreatePolicyStmt(policy) => {
                self.row_policy(Kind::Create, policy.table(), [policy.qual(), policy.with_check()])
            }
            Node::AlterPolicyStmt(policy) => {
                self.row_policy(Kind::Alter, policy.table(), [policy.qual(), policy.with_check()])
            }
            Node::CreateStatsStmt(statistics) => self.create_statistics(statistics),
            Node::CreateSchemaStmt(schema) => self.create_schema(schema),
            Node::CreateFunctionStmt(function) => self.create_function(function),
            Node::AlterFunctionStmt(function) => self.alter_function(function),
            Node::DropStmt(drop) => self.drop_objects(drop),
            Node::CommentStmt(comment) => self.named_object(Kind::Comment, comment.objtype, comment.object()),
            Node::SecLabelStmt(label) => {
                self.named_object(Kind::SecurityLabel, label.objtype, label.object())
            }
            Node::RenameStmt(rename) => self.rename(rename),
            Node::AlterObjectSchemaStmt(alter) => self.alter_schema_of(alter),
            Node::AlterOwnerStmt(alter) => self.alter_owner(alter),
            Node::AlterObjectDependsStmt(alter) => self.alter_dependency(alter),
            _ => self.rarer_definition(node),
        }
    }

    fn rarer_definition(&mut self, node: Node<'t>) {
        match node {
            Node::GrantStmt(grant) => self.grant(grant),
            Node::GrantRoleStmt(grant) => self.grant_roles(grant),
            Node::AlterDefaultPrivilegesStmt(alter) => self.default_privileges(alter),
            Node::CreateRoleStmt(role) => self.role(Kind::Create, role.role()),
            Node::AlterRoleStmt(alter) => self.alter_role(alter),
            Node::AlterRoleSetStmt(alter) => self.alter_role_setting(alter),
            Node::DropRoleStmt(drop) => self.drop_roles(drop),
            Node::DropOwnedStmt(_) => self.owned(Kind::Drop),
            Node::ReassignOwnedStmt(_) => self.owned(Kind::Alter),
            Node::AlterSystemStmt(alter) => self.alter_system(alter),
            Node::AlterDatabaseSetStmt(alter) => self.alter_database_setting(alter),
            Node::CreatedbStmt(database) => {
                self.server_object(Kind::Create, ObjectKind::Database, database.dbname())
            }
            Node::AlterDatabaseStmt(database) => {
                self.server_object(Kind::Alter, ObjectKind::Database, database.dbname())
            }
            Node::AlterDatabaseRefreshCollStmt(database) => {
                self.server_object(Kind::Alter, ObjectKind::Database, database.dbname());
            }
            Node::DropdbStmt(database) => {
                self.server_object(Kind::Drop, ObjectKind::Database, database.dbname())
            }
            Node::CreateTableSpaceStmt(space) => {
                self.server_object(Kind::Create, ObjectKind::Tablespace, space.tablespacename());
            }
            Node::DropTableSpaceStmt(space) => {
                self.server_object(Kind::Drop, ObjectKind::Tablespace, space.tablespacename());
            }
            Node::AlterTableSpaceOptionsStmt(space) => {
                self.server_object(Kind::Alter, ObjectKind::Tablespace, space.tablespacename());
            }
            Node::AlterTableMoveAllStmt(space) => {
                self.server_object(Kind::Alter, ObjectKind::Tablespace, space.orig_tablespacename());
            }
            _ => self.extension_statement(node),
        }
    }

    /// Extensions, languages and what reaches other servers.
    fn extension_statement(&mut self, node: Node<'t>) {
        use ObjectKind as O;
        match node {
            Node::CreateExtensionStmt(extension) => {
                self.server_object(Kind::Create, O::Extension, extension.extname())
            }
            Node::AlterExtensionStmt(extension) => {
                self.server_object(Kind::Alter, O::Extension, extension.extname())
            }
            Node::AlterExtensionContentsStmt(extension) => {
                self.server_object(Kind::Alter, O::Extension, extension.extname());
            }
            Node::CreateFdwStmt(wrapper) => {
                self.server_object(Kind::Create, O::ForeignDataWrapper, wrapper.fdwname())
            }
            Node::AlterFdwStmt(wrapper) => {
                self.server_object(Kind::Alter, O::ForeignDataWrapper, wrapper.fdwname())
            }
            Node::CreateForeignServerStmt(server) => {
                self.server_object(Kind::Create, O::Server, server.servername())
            }
            Node::AlterForeignServerStmt(server) => {
                self.server_object(Kind::Alter, O::Server, server.servername())
            }
            Node::CreateUserMappingStmt(mapping) => {
                self.server_object(Kind::Create, O::UserMapping, mapping.servername())
            }
            Node::AlterUserMappingStmt(mapping) => {
                self.server_object(Kind::Alter, O::UserMapping, mapping.servername())
            }
            Node::DropUserMappingStmt(mapping) => {
                self.server_object(Kind::Drop, O::UserMapping, mapping.servername())
            }
            Node::ImportForeignSchemaStmt(import) => {
                self.server_object(Kind::ImportForeignSchema, O::Schema, import.local_schema());
            }
            Node::CreatePLangStmt(language) => {
                self.server_object(Kind::Create, O::Language, language.plname())
            }
            Node::CreateAmStmt(method) => self.server_object(Kind::Create, O::AccessMethod, method.amname()),
            Node::CreateEventTrigStmt(trigger) => {
                self.server_object(Kind::Create, O::EventTrigger, trigger.trigname())
            }
            Node::AlterEventTrigStmt(trigger) => {
                self.server_object(Kind::Alter, O::EventTrigger, trigger.trigname())
            }
            Node::CreatePublicationStmt(publication) => {
                self.server_object(Kind::Create, O::Publication, publication.pubname());
            }
            Node::AlterPublicationStmt(publication) => {
                self.server_object(Kind::Alter, O::Publication, publication.pubname());
            }
            Node::CreateSubscriptionStmt(subscription) => {
                self.server_object(Kind::Create, O::Subscription, subscription.subname());
            }
            Node::AlterSubscriptionStmt(subscription) => {
                self.server_object(Kind::Alter, O::Subscription, subscription.subname());
            }
            Node::DropSubscriptionStmt(subscription) => {
                self.server_object(Kind::Drop, O::Subscription, subscription.subname());
            }
            _ => self.type_statement(node),
        }
    }
}
