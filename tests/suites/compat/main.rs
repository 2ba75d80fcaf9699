//! Unmodified clients of PostgreSQL see through the gateway what they see without it.

mod servers;
