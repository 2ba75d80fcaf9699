//! Where a secret is to be found. The configuration never holds one.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A place that a secret is read from each time it is needed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SecretReference {
    /// A file that nobody but root and the gateway may read.
    File(PathBuf),
    /// A systemd credential of the gateway's unit, by its name.
    Credential(String),
    /// A variable of the gateway's environment.
    Env(String),
    /// A program and its arguments; the secret is what it prints.
    Command(PathBuf, Vec<String>),
}

impl FromStr for SecretReference {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, place) = text.split_once(':').ok_or("it is no reference to a secret")?;
        match kind {
            "file" => absolute(place).map(Self::File),
            "credential" if is_file_name(place) => Ok(Self::Credential(place.to_string())),
            "credential" => Err("a credential has a name without `/`"),
            "env" if is_variable(place) => Ok(Self::Env(place.to_string())),
            "env" => Err("a variable has letters, digits and `_`"),
            "command" => {
                let mut words = place.split_whitespace().map(str::to_string);
                let program = absolute(&words.next().unwrap_or_default())?;
                Ok(Self::Command(program, words.collect()))
            }
            _ => Err("it is no reference to a secret"),
        }
    }
}

/// As it is written, which gives nothing away. Arguments of a command might.
impl fmt::Display for SecretReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Credential(name) => write!(f, "credential:{name}"),
            Self::Env(name) => write!(f, "env:{name}"),
            Self::Command(program, _) => write!(f, "command:{}", program.display()),
        }
    }
}

fn absolute(path: &str) -> Result<PathBuf, &'static str> {
    let plain = path.starts_with('/') && !path.split('/').any(|part| part == "..");
    if plain { Ok(PathBuf::from(path)) } else { Err("the path is written from `/`, without `..`") }
}

fn is_file_name(name: &str) -> bool {
    !name.is_empty() && !name.contains('/') && name != "." && name != ".."
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_says_where_and_never_what() {
        let parse = |text: &str| text.parse::<SecretReference>();
        assert_eq!(parse("file:/etc/x").map(|it| it.to_string()).as_deref(), Ok("file:/etc/x"));
        assert_eq!(parse("credential:orders"), Ok(SecretReference::Credential("orders".into())));
        assert_eq!(parse("env:PGPASSWORD"), Ok(SecretReference::Env("PGPASSWORD".into())));
        let command = parse("command:/bin/get --key s3cret").map(|it| it.to_string());
        assert_eq!(command.as_deref(), Ok("command:/bin/get"));
        for value in [
            "s3cret",
            "file:x",
            "file:/a/../b",
            "credential:a/b",
            "env:A B",
            "command:get",
            "vault:x",
            "env:",
        ] {
            assert!(parse(value).is_err(), "{value}");
        }
    }
}
