//! PostgreSQL's own regression scripts, run by a real server: it does nothing that was not told beforehand.
//!
//! Each script runs statement by statement in a database of its own. Before a statement runs, its facts are read as the
//! gateway reads them; then the server says what it does, in its plan and in event triggers. Where it touches something
//! that the facts do not tell, the suite fails, unless that stands in `reviewed.txt` with the reason why it is safe; what
//! stands there and no longer happens fails too. What is unknown needs no comparison: it is denied.

mod connection;
#[allow(unreachable_pub, reason = "it is a module of the product, where it is reached")]
#[path = "../../../gateway-userspace/src/session/postgres/catalogue/contents.rs"]
#[expect(dead_code, reason = "the product's own reading of a catalogue, of which the suite needs a part")]
mod contents;
mod reviewed;
mod run;
mod script;
mod told;
mod touched;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

/// What `contents` is given rows as, under the name by which it knows it.
mod session {
    pub(crate) mod postgres {
        pub(crate) mod upstream {
            pub(crate) use crate::connection::Row;
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let trial = Trial::test("the_server_does_nothing_that_was_not_told", || Ok(run::all()?));
    libtest_mimic::run(&arguments, vec![trial]).exit_code()
}
