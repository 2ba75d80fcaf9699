//! The clients of a benchmark: a hidden command, since an agent is a process of its own in its own cgroup.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::servers::{REQUEST, RESPONSE};
use super::{relay, table::median};

const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Clone, clap::Subcommand)]
pub(super) enum Task {
    /// Connect one after the other: how long until connected
    Connect { to: SocketAddr, count: usize },
    /// The same until the first byte has come
    Greet { to: SocketAddr, count: usize },
    /// Requests and responses on one connection
    Exchange { to: SocketAddr, count: usize },
    /// Read so many bytes
    Download { to: SocketAddr, bytes: u64 },
    /// Open connections and keep them until standard input ends
    Hold { to: SocketAddr, count: usize },
    /// Connect at a steady rate
    Rate { to: SocketAddr, per_second: u32, seconds: u32 },
    /// Be a relay
    Relay { listen: SocketAddr, to: SocketAddr },
}

/// What a client has to say, in one line of JSON.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Report {
    /// Of one connect, exchange or download, in seconds.
    pub(super) median: f64,
    pub(super) done: usize,
    pub(super) failed: usize,
    pub(super) took: f64,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let begun = Instant::now();
    let mut report = match args.task {
        Task::Connect { to, count } => repeat(count, || connect(to).map(drop))?,
        Task::Greet { to, count } => repeat(count, || greet(to))?,
        Task::Exchange { to, count } => exchange(to, count)?,
        Task::Download { to, bytes } => repeat(1, || download(to, bytes))?,
        Task::Hold { to, count } => return hold(to, count),
        Task::Rate { to, per_second, seconds } => rate(to, per_second, seconds),
        Task::Relay { listen, to } => return relay::serve(listen, to).map(|()| ExitCode::SUCCESS),
    };
    report.took = begun.elapsed().as_secs_f64();
    println!("{}", serde_json::to_string(&report)?);
    Ok(ExitCode::SUCCESS)
}

/// What is timed is the act alone; a first one, which nobody is ready for, is not counted.
fn repeat(count: usize, mut act: impl FnMut() -> Result<()>) -> Result<Report> {
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let begun = Instant::now();
        act()?;
        times.push(begun.elapsed().as_secs_f64());
    }
    Ok(Report { median: median(times), done: count, ..Report::default() })
}

fn connect(to: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn greet(to: SocketAddr) -> Result<()> {
    connect(to)?.read_exact(&mut [0])?;
    Ok(())
}

fn exchange(to: SocketAddr, count: usize) -> Result<Report> {
    let mut stream = connect(to)?;
    stream.set_nodelay(true)?;
    let mut response = [0; RESPONSE];
    repeat(count, || {
        stream.write_all(&[0; REQUEST])?;
        Ok(stream.read_exact(&mut response)?)
    })
}

fn download(to: SocketAddr, bytes: u64) -> Result<()> {
    let mut stream = connect(to)?;
    let mut buffer = vec![0; 256 * 1024];
    let mut missing = bytes;
    while missing > 0 {
        let read = stream.read(&mut buffer)?;
        anyhow::ensure!(read > 0, "the stream ended {missing} bytes too early");
        missing = missing.saturating_sub(read as u64);
    }
    Ok(())
}

fn hold(to: SocketAddr, count: usize) -> Result<ExitCode> {
    let held: Vec<TcpStream> = (0..count).map(|_| connect(to)).collect::<Result<_>>()?;
    println!("{}", held.len());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(ExitCode::SUCCESS)
}

/// Each of several threads keeps its share of the rate. One that falls behind does not try to catch up in a burst.
fn rate(to: SocketAddr, per_second: u32, seconds: u32) -> Report {
    const THREADS: u32 = 8;
    let end = Instant::now() + Duration::from_secs(seconds.into());
    let pause = Duration::from_secs(1) * THREADS / per_second;
    let mut total = Report::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(move || pace(to, pause, end))).collect();
        for (done, failed) in threads.into_iter().filter_map(|thread| thread.join().ok()) {
            total.done += done;
            total.failed += failed;
        }
    });
    total
}

fn pace(to: SocketAddr, pause: Duration, end: Instant) -> (usize, usize) {
    let (mut done, mut failed) = (0, 0);
    let mut next = Instant::now();
    while next < end {
        match greet(to) {
            Ok(()) => done += 1,
            Err(_) => failed += 1,
        }
        next = (next + pause).max(Instant::now());
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    (done, failed)
}
