//! For whom an agent acts: shown by tokens of a real provider, from real cgroups, with an unmodified psql.

mod asking;
mod ending;
mod showing;
mod stage;
