//! Logins at a target: which are made or lent for a session, that they can do no more than they should, and that none
//! is left whatever ends; and what is said when the gateway is not let in.

mod leftovers;
mod limits;
mod refusals;
mod stage;
mod ways_in;
