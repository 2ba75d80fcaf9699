//! `crowd ADDRESS COUNT [--every MICROSECONDS]`: that many conversations, all at once or one after another at a steady
//! rate. Prints `PID ok=N OUTCOME=N …`.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::outcome;

pub(crate) fn run(args: &[String]) -> Result<()> {
    let (address, count, every) = match args {
        [address, count] => (address, count, None),
        [address, count, option, every] if option == "--every" => (address, count, Some(every)),
        _ => bail!("crowd ADDRESS COUNT [--every MICROSECONDS]"),
    };
    let address = address.parse().context("no address")?;
    let count: usize = count.parse().context("no count")?;
    let outcomes = match every {
        None => together(address, count)?,
        Some(every) => steadily(address, count, Duration::from_micros(every.parse()?)),
    };
    let outcomes: Vec<_> = outcomes.iter().map(|(word, times)| format!("{word}={times}")).collect();
    println!("{} {}", std::process::id(), outcomes.join(" "));
    Ok(())
}

type Outcomes = BTreeMap<String, usize>;

fn together(address: SocketAddr, count: usize) -> Result<Outcomes> {
    let start = Arc::new(Barrier::new(count));
    let talk = || {
        let start = Arc::clone(&start);
        thread::spawn(move || {
            start.wait();
            once(address)
        })
    };
    let talks: Vec<_> = std::iter::repeat_with(talk).take(count).collect();
    let mut outcomes = Outcomes::new();
    for talk in talks {
        let outcome = talk.join().map_err(|_| anyhow::anyhow!("a conversation panicked"))?;
        *outcomes.entry(outcome).or_default() += 1;
    }
    Ok(outcomes)
}

/// What is late is made up for, so that the rate holds over the whole time.
fn steadily(address: SocketAddr, count: usize, every: Duration) -> Outcomes {
    let mut outcomes = Outcomes::new();
    let mut due = Instant::now();
    for _ in 0..count {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        due += every;
        *outcomes.entry(once(address)).or_default() += 1;
    }
    outcomes
}

fn once(address: SocketAddr) -> String {
    let heard = TcpStream::connect(address).and_then(|mut stream| outcome::converse(&mut stream, "hello"));
    match heard {
        Ok(_) => "ok".to_owned(),
        Err(error) => outcome::word(&error),
    }
}
