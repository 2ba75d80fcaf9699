//! Whose a connection is: the enforcer is asked, and without its answer the answer is no.

pub mod status;
pub mod wire;
