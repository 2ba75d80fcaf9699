//! Does, inside an agent or in its place, what no ordinary program does on demand. Each command prints one line for
//! the suite that started it.

mod crowd;
mod dns;
mod enter;
mod forbidden;
mod hold;
mod listen;
mod local;
mod outcome;
mod pipe;
mod sql;
mod talk;
mod tcp;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let Some((command, rest)) = args.split_first() else {
        eprintln!("tester: which command?");
        return ExitCode::FAILURE;
    };
    let done = match command.as_str() {
        "crowd" => crowd::run(rest),
        "dns" => dns::run(rest),
        "enter" => enter::run(rest),
        "forbidden" => forbidden::run(rest),
        "hold" => hold::run(rest),
        "pipe" => pipe::run(rest),
        "listen" => listen::run(rest),
        "local" => local::run(rest),
        "sql" => sql::run(rest),
        "talk" => talk::run(rest),
        unknown => Err(anyhow::anyhow!("no command {unknown}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tester {command}: {error:#}");
            ExitCode::FAILURE
        }
    }
}
