//! Listens to the programs: tells what they refused, follows cgroups that come and go, and looks at everything now
//! and then.

use std::{
    os::fd::AsFd as _,
    time::{Duration, Instant},
};

use aya::maps::MapData;
use gateway_common::event::{Act, Report, Why};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::{maps::Said, netns, reports, roster::CANARY, state::State};

/// How often everything is looked at even if nothing was reported.
const INSPECTION: Duration = Duration::from_secs(5);

pub fn listen(state: &State, mut said: Said) {
    let mut inspected = Instant::now();
    loop {
        let patience = INSPECTION.saturating_sub(inspected.elapsed());
        let timeout = PollTimeout::try_from(patience).unwrap_or(PollTimeout::ZERO);
        let mut waiting = [PollFd::new(said.reports.as_fd(), PollFlags::POLLIN)];
        // Interrupted or not: look.
        let _ = poll(&mut waiting, timeout);
        read_all(state, &mut said);
        state.deliver();
        if inspected.elapsed() >= INSPECTION {
            state.enforcement().inspect(&state.config());
            netns::let_go(state);
            inspected = Instant::now();
        }
    }
}

fn read_all(state: &State, said: &mut Said) {
    let mut moved = false;
    let mut spoken = Vec::new();
    while let Some(item) = said.reports.next() {
        match reports::parse(&item) {
            // The canary is refused everything, by our own wish.
            Some(report) if report.agent == CANARY => {}
            Some(report) if is_about_cgroups(&report) => moved = true,
            Some(report) => spoken.push(report),
            None => tracing::error!("the programs report in a shape that is not ours"),
        }
    }
    if moved {
        state.enforcement().reconcile();
    }
    for report in &spoken {
        state.tell(report);
        if report.why == Why::ForeignNetns as u8 {
            netns::serve(state, report);
        }
    }
    state.tell_lost(lost(&said.lost));
}

fn is_about_cgroups(report: &Report) -> bool {
    report.act == Act::CgroupMade as u8 || report.act == Act::CgroupGone as u8
}

fn lost(counters: &aya::maps::PerCpuArray<MapData, u64>) -> u64 {
    counters.get(&0, 0).map(|per_cpu| per_cpu.iter().sum()).unwrap_or(0)
}
