//! The same suites, as compiled for the host, in an emulated guest.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;

use super::build::Built;
use super::host::SUITE_TIMEOUT;
use super::plan::Plan;
use super::suites::Suite;
use crate::guest::{Job, Kernel, run as run_guest};
use crate::tally::Tally;
use crate::{command, workspace};

const TIMEOUT: Duration = Duration::from_secs(3600);
/// What suites may read of the source tree.
const SOURCES: [&str; 3] = ["systemd", "docs", "tests"];

pub(super) fn run(plan: &Plan, built: &Built, kernel: Kernel) -> Result<Tally> {
    let suites: Vec<_> = plan.suites.iter().filter(|suite| suite.runs_in_guests()).collect();
    if suites.is_empty() {
        return Ok(Tally::default());
    }
    let job = Job {
        kernel,
        files: files(&suites, built)?,
        script: script(&suites, kernel, &plan.pass)?,
        timeout: TIMEOUT,
    };
    let outcome = run_guest(&job)?;
    let mut tally = Tally::default();
    for suite in suites {
        let result = read_result(outcome.files.path(), suite);
        println!("{} in {kernel}: {result}", suite.path);
        tally.add(result);
    }
    Ok(tally)
}

fn files(suites: &[&Suite], built: &Built) -> Result<Vec<(PathBuf, String)>> {
    let mut files = vec![(built.product.clone(), "postern".to_owned())];
    for suite in suites {
        files.push((built.suite(suite)?.to_owned(), format!("suites/{}", suite.target)));
    }
    for tester in &built.testers {
        let name = tester.file_name().unwrap_or_default().to_string_lossy();
        files.push((tester.clone(), format!("testers/{name}")));
    }
    let root = workspace::root()?;
    for source in SOURCES.map(|name| root.join(name)) {
        add_tree(&root, &source, &mut files)?;
    }
    Ok(files)
}

fn add_tree(root: &Path, path: &Path, files: &mut Vec<(PathBuf, String)>) -> Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            add_tree(root, &entry?.path(), files)?;
        }
    } else if path.is_file() {
        files.push((path.to_owned(), format!("source/{}", path.strip_prefix(root)?.display())));
    }
    Ok(())
}

/// Each suite's output goes to the console and, whole, into its result file; the exit status decides as on the host.
fn script(suites: &[&Suite], kernel: Kernel, pass: &[String]) -> Result<String> {
    let pass = command::quoted_line(pass);
    let mut script = format!(
        "export POSTERN_BIN=$PWD/postern POSTERN_TESTERS=$PWD/testers POSTERN_SOURCE=$PWD/source\n\
         export POSTERN_GUEST={kernel}\n\
         mkdir -p testers source\n"
    );
    for suite in suites {
        let name = &suite.target;
        writeln!(
            script,
            "echo '-- {path}'\n\
             timeout --kill-after=10 {SUITE_TIMEOUT} ./suites/{name} --test-threads=1 {pass} 2>&1 \
             | tee \"$POSTERN_RESULTS/{name}.log\"\n\
             echo \"${{PIPESTATUS[0]}}\" > \"$POSTERN_RESULTS/{name}.status\"",
            path = suite.path,
        )?;
    }
    Ok(script)
}

fn read_result(results: &Path, suite: &Suite) -> Tally {
    // Without files the suite never ended, which an empty output says.
    let read =
        |ending: &str| fs::read(results.join(format!("{}.{ending}", suite.target))).unwrap_or_default();
    let succeeded = read("status").trim_ascii() == b"0";
    Tally::of_libtest(&String::from_utf8_lossy(&read("log")), succeeded)
}
