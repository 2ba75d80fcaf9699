//! What can be done to a database, in the words that rules use.

use crate::words::words;

words! {
    /// One way of acting. A statement has an effect for each way in which it acts, on each thing it acts on.
    pub enum Kind {
        /// Reading columns, wherever they are read: in a result, a condition, a RETURNING, the value of an update.
        Select = "select",
        /// SELECT ... FOR UPDATE and its relatives.
        LockRows = "lock rows",
        Insert = "insert",
        Update = "update",
        Delete = "delete",
        /// Comes beside an insert, update or delete for each of its branches.
        Merge = "merge",
        Truncate = "truncate",
        /// From the agent's connection. Comes beside the insert.
        CopyIn = "copy in",
        /// To the agent's connection. Comes beside the effects of what is copied.
        CopyOut = "copy out",
        CopyFromFile = "copy from file",
        CopyToFile = "copy to file",
        CopyFromProgram = "copy from program",
        CopyToProgram = "copy to program",
        Create = "create",
        Alter = "alter",
        /// Also what an ALTER drops: a column, a constraint.
        Drop = "drop",
        Comment = "comment",
        SecurityLabel = "security label",
        Refresh = "refresh",
        ImportForeignSchema = "import foreign schema",
        Grant = "grant",
        Revoke = "revoke",
        /// CALL of a procedure.
        Call = "call",
        /// The use of a function in an expression.
        Function = "function",
        Do = "do",
        Prepare = "prepare",
        Execute = "execute",
        Deallocate = "deallocate",
        Set = "set",
        Reset = "reset",
        Show = "show",
        Discard = "discard",
        LockTable = "lock table",
        Listen = "listen",
        Unlisten = "unlisten",
        Notify = "notify",
        Vacuum = "vacuum",
        Analyze = "analyze",
        Cluster = "cluster",
        Reindex = "reindex",
        Checkpoint = "checkpoint",
        Load = "load",
        /// Comes beside a select of everything that the explained statement names.
        Explain = "explain",
        /// Comes beside all effects of the statement, which really runs.
        ExplainAnalyze = "explain analyze",
        DeclareCursor = "declare cursor",
        Fetch = "fetch",
        Move = "move",
        CloseCursor = "close cursor",
        Begin = "begin",
        Commit = "commit",
        Rollback = "rollback",
        /// SAVEPOINT, RELEASE and ROLLBACK TO.
        Savepoint = "savepoint",
        SetTransaction = "set transaction",
        SetConstraints = "set constraints",
        /// PREPARE TRANSACTION, COMMIT PREPARED and ROLLBACK PREPARED.
        TwoPhase = "two phase",
    }
}

impl Kind {
    /// Whether nothing is left of it when the session is over.
    pub const fn only_reads(self) -> bool {
        match self {
            Self::Select
            | Self::CopyOut
            | Self::Function
            | Self::Prepare
            | Self::Execute
            | Self::Deallocate
            | Self::Set
            | Self::Reset
            | Self::Show
            | Self::Discard
            | Self::Listen
            | Self::Unlisten
            | Self::Explain
            | Self::DeclareCursor
            | Self::Fetch
            | Self::Move
            | Self::CloseCursor
            | Self::Begin
            | Self::Rollback
            | Self::Savepoint
            | Self::SetTransaction
            | Self::SetConstraints => true,
            Self::LockRows
            | Self::Insert
            | Self::Update
            | Self::Delete
            | Self::Merge
            | Self::Truncate
            | Self::CopyIn
            | Self::CopyFromFile
            | Self::CopyToFile
            | Self::CopyFromProgram
            | Self::CopyToProgram
            | Self::Create
            | Self::Alter
            | Self::Drop
            | Self::Comment
            | Self::SecurityLabel
            | Self::Refresh
            | Self::ImportForeignSchema
            | Self::Grant
            | Self::Revoke
            | Self::Call
            | Self::Do
            | Self::LockTable
            | Self::Notify
            | Self::Vacuum
            | Self::Analyze
            | Self::Cluster
            | Self::Reindex
            | Self::Checkpoint
            | Self::Load
            | Self::ExplainAnalyze
            | Self::Commit
            | Self::TwoPhase => false,
        }
    }
}

words! {
    /// The kinds of things that are created, altered, dropped, commented on and granted.
    pub enum ObjectKind {
        Table = "table",
        ForeignTable = "foreign table",
        View = "view",
        MaterializedView = "materialized view",
        Index = "index",
        Sequence = "sequence",
        Column = "column",
        Constraint = "constraint",
        Schema = "schema",
        Database = "database",
        Role = "role",
        Tablespace = "tablespace",
        Function = "function",
        Procedure = "procedure",
        Aggregate = "aggregate",
        Operator = "operator",
        OperatorClass = "operator class",
        OperatorFamily = "operator family",
        Type = "type",
        Domain = "domain",
        Cast = "cast",
        Collation = "collation",
        Conversion = "conversion",
        Extension = "extension",
        Language = "language",
        Transform = "transform",
        Trigger = "trigger",
        EventTrigger = "event trigger",
        Rule = "rule",
        /// A policy of row security, and its switches on a table.
        RowPolicy = "policy",
        Publication = "publication",
        Subscription = "subscription",
        Server = "server",
        UserMapping = "user mapping",
        ForeignDataWrapper = "foreign data wrapper",
        AccessMethod = "access method",
        Statistics = "statistics",
        TextSearch = "text search",
        LargeObject = "large object",
        /// Everything that a role owns: DROP OWNED, REASSIGN OWNED.
        Owned = "owned",
        DefaultPrivileges = "default privileges",
        /// Settings of a role or a database that bite in later sessions.
        StoredSetting = "stored setting",
        /// The server itself: ALTER SYSTEM.
        System = "system",
        /// Something that has no word here.
        Other = "other",
    }
}

words! {
    /// What a function can do beyond computing a value from its arguments.
    pub enum Power {
        ReadsFiles = "reads files",
        WritesFiles = "writes files",
        RunsPrograms = "runs programs",
        OpensConnections = "opens connections",
        /// Runs SQL that it is given as text.
        RunsText = "runs text",
        ChangesSettings = "changes settings",
        /// Ends, cancels or signals other sessions, or reloads the server.
        Signals = "signals",
        /// Advisory locks.
        Locks = "locks",
        Sleeps = "sleeps",
        /// Moves a sequence.
        MovesSequences = "moves sequences",
        LargeObjects = "large objects",
        /// NOTIFY as a function.
        Notifies = "notifies",
        /// Replication, backup, write-ahead log.
        Replicates = "replicates",
        /// Reads a table that it is given by name.
        ReadsNamedTables = "reads named tables",
        /// Runs with the rights of its owner.
        SecurityDefiner = "security definer",
        /// Its body is opaque: it may write.
        Opaque = "opaque",
    }
}
