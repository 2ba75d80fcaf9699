//! Every transcript of a terminal in docs/ is run, and prints what the document says.
//!
//! A document that shows commands has a scene here: the host on which its commands are true. Its transcripts run in
//! order on one scene. A new document is a file with `pub fn set() -> Result<Scene>` and a line in [`SCENES`].

mod policy;
mod scene;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use gateway_e2e::transcript::{self, Transcript};
use libtest_mimic::{Arguments, Trial};

use scene::Scene;

/// Makes the host that a document speaks of.
type Set = fn() -> Result<Scene>;

/// Documents by their names.
const SCENES: [(&str, Set); 1] = [("policy", policy::set)];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials: Vec<Trial> =
        SCENES.iter().map(|(name, set)| Trial::test(*name, move || Ok(run(name, *set)?))).collect();
    trials.push(Trial::test("every_document_with_commands_has_a_scene", || Ok(all_have_scenes()?)));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn folder() -> Result<PathBuf> {
    let source = std::env::var_os("POSTERN_SOURCE");
    Ok(Path::new(&source.context("POSTERN_SOURCE is not set; use cargo xtask test")?).join("docs"))
}

fn read(path: &Path) -> Result<Vec<Transcript>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(transcript::transcripts(&text))
}

fn run(name: &str, set: Set) -> Result<()> {
    let file = format!("{name}.md");
    let transcripts = read(&folder()?.join(&file))?;
    ensure!(!transcripts.is_empty(), "docs/{file} shows no command");
    let scene = set().context("cannot set the scene")?;
    let mut wrong = Vec::new();
    for block in &transcripts {
        for mistake in scene.run(block)? {
            wrong.push(format!("docs/{file}:{mistake}"));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

fn all_have_scenes() -> Result<()> {
    for entry in fs::read_dir(folder()?)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let is_document = path.extension().is_some_and(|extension| extension == "md");
        let has_scene = SCENES.iter().any(|(scene, _)| *scene == name);
        if is_document && !has_scene && !read(&path)?.is_empty() {
            bail!("docs/{name}.md shows commands, and SCENES has no scene for them");
        }
    }
    Ok(())
}
