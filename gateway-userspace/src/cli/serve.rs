//! `postern serve`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

use super::Global;
use crate::config::Config;
use crate::confine::{Programs, confine_gateway};
use crate::control::Control;
use crate::gateway::Gateway;
use crate::service::{folders, limits, notify, privileges, signals};

/// Run the gateway: agents' connections arrive here, are recorded, and go on to their targets or nowhere
#[derive(Debug, clap::Args)]
pub struct Args {}

impl Args {
    pub fn run(self, global: &Global) -> anyhow::Result<ExitCode> {
        let config = global.load_config()?;
        let user = privileges::service_user(&config.serve.user)?;
        limits::make_room(config.serve.max_connections);
        folders::prepare(&config, &user)?;
        let control = Control::open(&config.serve.control)?;
        folders::hand_over(&config.serve.control, &user)?;
        privileges::give_up(&user)?;
        let programs = if config.runs_programs() { Programs::ForSecrets } else { Programs::None };
        confine_gateway(programs).context("cannot give up system calls")?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.context("cannot start the event loop")?;
        let outcome = runtime.block_on(serve(config, control, &global.config_dir));
        // A name that the host's resolver hangs on does not hold up the end.
        runtime.shutdown_background();
        outcome.map(|()| ExitCode::SUCCESS)
    }
}

async fn serve(config: Config, control: Control, folder: &Path) -> anyhow::Result<()> {
    let asked_to_stop = signals::stop().context("cannot listen to signals")?;
    let gateway = Gateway::new(config)?;
    gateway.reads_from(folder);
    let stop = async {
        asked_to_stop.await;
        notify::notify("STOPPING=1");
    };
    let reloading =
        signals::on_reload(|| gateway.reload(Config::load(folder))).context("cannot listen to signals")?;
    tokio::select! {
        outcome = gateway.run(control, || notify::notify("READY=1"), stop) => outcome,
        never = reloading => match never {},
    }
}
