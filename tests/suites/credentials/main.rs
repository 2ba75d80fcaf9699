//! Logins at a target: which are made or lent for a session, that they can do no more than they should, and that none
//! is left whatever ends; what is said when the gateway is not let in; and that no secret is had from its memory.

mod leftovers;
mod limits;
mod memory;
mod refusals;
mod stage;
mod ways_in;
