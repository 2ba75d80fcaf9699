//! Starting, dying, coming back: whatever happens to the two processes, agents are cut off and never released.

mod enforcer;
