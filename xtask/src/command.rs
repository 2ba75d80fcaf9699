//! Running other programs, with an error that names the program, its arguments and how it ended.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// Runs to the end with output going to the terminal.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = line(command);
    let status = command.status().with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// Runs to the end and returns what it printed.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let line = line(command);
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        bail!("`{line}` failed ({})", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{line}` printed something else than text"))
}

/// A cargo that knows nothing of the one that started us: with our flags, compiler or target folder in its
/// environment a build for another target would take them over.
pub(crate) fn fresh_cargo() -> Command {
    let mut cargo = Command::new(cargo_path());
    for (name, _) in std::env::vars_os().filter(|(name, _)| belongs_to_outer_build(name)) {
        cargo.env_remove(name);
    }
    cargo
}

/// The cargo that started us.
pub(crate) fn cargo() -> Command {
    Command::new(cargo_path())
}

/// A cargo that compiles the product where `workspace::target_dir` says.
pub(crate) fn product_cargo() -> Result<Command> {
    let mut cargo = cargo();
    cargo.current_dir(workspace::root()?).env("CARGO_TARGET_DIR", workspace::target_dir()?);
    if workspace::in_ci() {
        // Nothing is compiled a second time in a clone that is thrown away.
        cargo.env("CARGO_INCREMENTAL", "0");
    }
    Ok(cargo)
}

/// The first `program` on PATH.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|dir| dir.join(program))
        .find(|candidate| candidate.is_file())
}

/// The command as a person would type it.
pub(crate) fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    quoted_line(words.map(OsStr::to_string_lossy))
}

/// Words as one line that a shell takes apart into the same words.
pub(crate) fn quoted_line(words: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    words.into_iter().map(|word| quoted(word.as_ref())).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn cargo_path() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn belongs_to_outer_build(name: &OsStr) -> bool {
    const KEPT: [&str; 5] = ["CARGO_HOME", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR", "CARGO_TERM_"];
    let name = name.to_string_lossy();
    let of_cargo =
        name == "CARGO" || name.starts_with("CARGO_") && !KEPT.iter().any(|kept| name.starts_with(kept));
    // RUSTUP_HOME stays: it is where the toolchains are, not which of them.
    let of_compiler = name.starts_with("RUSTC") || name.starts_with("RUSTDOC") || name == "RUSTFLAGS";
    of_cargo || of_compiler || name == "RUSTUP_TOOLCHAIN" || name == "LD_LIBRARY_PATH"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_takes_a_quoted_line_apart_into_the_same_words() {
        let words = ["printf", "%s\n", "two words", "it's", "", "$HOME", "a;b"];
        let printed = output(Command::new("sh").arg("-c").arg(quoted_line(words))).unwrap();
        assert_eq!(printed.lines().collect::<Vec<_>>(), words[2..]);
    }

    #[test]
    fn the_outer_build_is_forgotten_and_the_registry_is_not() {
        let forgotten =
            ["CARGO_TARGET_DIR", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC", "RUSTUP_TOOLCHAIN"];
        assert!(forgotten.iter().all(|name| belongs_to_outer_build(OsStr::new(name))));
        let kept = ["CARGO_HOME", "CARGO_REGISTRIES_MIRROR_INDEX", "RUSTUP_HOME", "PATH"];
        assert!(!kept.iter().any(|name| belongs_to_outer_build(OsStr::new(name))));
    }
}
