//! The host that a document speaks of: its configuration, its agent, and whatever has to run meanwhile.

use std::any::Any;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use gateway_e2e::agent::Agent;
use gateway_e2e::host;
use gateway_e2e::transcript::{By, Transcript, matches};
use tempfile::TempDir;

/// Comes behind what a command prints. No document shows it.
const END: &str = "--- this command has ended ---";

pub(crate) struct Scene {
    /// The folder in which commands run.
    folder: TempDir,
    /// What things are called in the document, and here.
    names: Vec<(String, String)>,
    /// What must live as long as the scene: servers, gateways.
    cast: Box<dyn Any>,
}

impl Scene {
    /// `config` is what `/etc/postern` stands for.
    pub(crate) fn new(config: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix(host::Tag::fresh().as_str()).tempdir()?;
        let config = config.display().to_string();
        let scene =
            Self { folder, names: vec![("/etc/postern".to_owned(), config.clone())], cast: Box::new(()) };
        fs::create_dir(scene.programs())?;
        let binary = host::postern()?;
        scene.add_program("postern", &format!("exec '{}' --config '{config}' \"$@\"", binary.display()))?;
        Ok(scene)
    }

    /// Keeps it until the document is through.
    pub(crate) fn keeping(self, cast: impl Any) -> Self {
        Self { cast: Box::new((self.cast, cast)), ..self }
    }

    /// What the document calls `written` is called `actual` here.
    pub(crate) fn named(mut self, written: &str, actual: impl Into<String>) -> Self {
        self.names.push((written.to_owned(), actual.into()));
        self
    }

    /// Who types behind the prompt `agent$`, with these variables in the environment.
    pub(crate) fn with_agent(self, agent: &Agent, environment: &[(&str, String)]) -> Result<Self> {
        let mut command = agent.command("env")?;
        command.args(environment.iter().map(|(name, value)| format!("{name}={value}")));
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let mut line = "exec".to_owned();
        for word in words {
            let word = word.to_str().context("a word that is no text")?;
            write!(line, " '{}'", word.replace('\'', r"'\''"))?;
        }
        self.add_program("as-agent", &format!("{line} bash -c \"$1\""))?;
        Ok(self)
    }

    fn programs(&self) -> PathBuf {
        self.folder.path().join(".bin")
    }

    fn add_program(&self, name: &str, script: &str) -> Result<()> {
        let path = self.programs().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n"))?;
        Ok(fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?)
    }

    /// Runs the commands of one block in one shell; the mistakes begin with the line that they are in.
    pub(crate) fn run(&self, transcript: &Transcript) -> Result<Vec<String>> {
        let printed = self.shell(transcript)?;
        ensure!(printed.len() == transcript.steps.len(), "the shell ended early: {printed:#?}");
        let pairs = transcript.steps.iter().zip(&printed);
        Ok(pairs
            .filter(|(step, printed)| !matches(trimmed(&step.prints), trimmed(printed)))
            .map(|(step, printed)| {
                let (shown, printed) = (step.prints.join("\n"), printed.join("\n"));
                format!(
                    "{}: {}\n--- the document\n{shown}\n--- the program\n{printed}",
                    step.line, step.command
                )
            })
            .collect())
    }

    /// What each command prints, on whichever descriptor.
    fn shell(&self, transcript: &Transcript) -> Result<Vec<Vec<String>>> {
        let mut script = "exec 2>&1\n".to_owned();
        for step in &transcript.steps {
            let command = self
                .names
                .iter()
                .fold(step.command.clone(), |text, (written, actual)| text.replace(written, actual));
            match step.by {
                By::Operator => writeln!(script, "{command}")?,
                By::Agent => writeln!(script, "as-agent '{}'", command.replace('\'', r"'\''"))?,
            }
            writeln!(script, "code=$?; printf '\\n%s\\n' '{END}'; (exit $code)")?;
        }
        let path = std::env::var("PATH").unwrap_or_default();
        let mut bash = Command::new("bash")
            .current_dir(self.folder.path())
            .env("PATH", format!("{}:{path}", self.programs().display()))
            .env("LC_ALL", "C.UTF-8")
            .env_remove("COLUMNS")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot run bash")?;
        bash.stdin.take().context("it has no input")?.write_all(script.as_bytes())?;
        let printed = String::from_utf8_lossy(&bash.wait_with_output()?.stdout).into_owned();
        let printed =
            self.names.iter().rev().fold(printed, |text, (written, actual)| text.replace(actual, written));
        let end = format!("\n{END}\n");
        let mut said: Vec<&str> = printed.split(&end).collect();
        // Behind the last end stands nothing.
        said.pop();
        let lines = |said: &str| said.lines().map(|line| line.trim_end().to_owned()).collect();
        Ok(said.into_iter().map(lines).collect())
    }
}

/// Without the empty lines at the end, which nobody sees.
fn trimmed(lines: &[String]) -> &[String] {
    let end = lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
    lines.get(..end).unwrap_or(lines)
}
