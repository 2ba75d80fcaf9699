//! What a session stands on when its commands are read.

use std::sync::Arc;

use crate::session::postgres::catalogue::SharedCatalogue;

/// The target's own things, and how the session began there.
#[derive(Debug, Clone)]
pub struct Ground {
    pub catalogue: Arc<SharedCatalogue>,
    /// The schemas that unqualified names are looked up in, as the login found them. `None` where nobody could ask.
    pub path: Option<Arc<str>>,
    /// As whom the session is at the target.
    pub user: Arc<str>,
}
