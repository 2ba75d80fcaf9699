//! What a hop through the relay costs, beside a relay of two blocking threads and haproxy in TCP mode.
//!
//! It measures and asserts little, so it runs by name only:
//! `cargo test --release -p gateway-userspace --features measure relay::measure -- --nocapture --test-threads=1`.
//! Each relay is a process of its own (this test binary once more), so that its CPU time can be read.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::wire::Wire;
use super::{Carriage, Freight, Login, Relays};

const ROLE: &str = "POSTERN_MEASURE_ROLE";
const UPSTREAM: &str = "POSTERN_MEASURE_UPSTREAM";
const PORT: &str = "POSTERN_MEASURE_PORT";

const ROUNDS: usize = 5;
const TRIPS: usize = 20_000;
const BULK: u64 = 2 << 30;
const CHUNK: usize = 256 * 1024;

/// A relay under measurement.
struct Relay {
    name: &'static str,
    process: Option<Child>,
    address: SocketAddr,
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(process) = self.process.as_mut() {
            process.kill().expect("kill");
            process.wait().expect("wait");
        }
    }
}

impl Relay {
    fn start(name: &'static str, upstream: SocketAddr) -> Self {
        let address = free_address();
        let mut command = if name == "haproxy" { haproxy(address, upstream) } else { ourselves(name) };
        command.env(UPSTREAM, upstream.to_string()).env(PORT, address.port().to_string());
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("start");
        while TcpStream::connect(address).is_err() {
            thread::sleep(Duration::from_millis(20));
        }
        Self { name, process: Some(process), address }
    }

    /// Seconds of CPU used so far, threads that ended included.
    fn cpu(&self) -> f64 {
        let Some(process) = &self.process else { return 0.0 };
        let stat = fs::read_to_string(format!("/proc/{}/stat", process.id())).expect("stat");
        let fields: Vec<&str> = stat.rsplit_once(')').expect("a command name").1.split_whitespace().collect();
        let ticks: f64 = [11, 12].map(|at| fields[at].parse::<f64>().expect("ticks")).iter().sum();
        ticks / 100.0
    }
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").expect("bind").local_addr().expect("address")
}

fn ourselves(role: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("path"));
    command.args(["--exact", "relay::measure::a_relay_under_measurement"]).env(ROLE, role);
    command
}

fn haproxy(address: SocketAddr, upstream: SocketAddr) -> Command {
    let config = format!(
        "defaults\n mode tcp\n timeout connect 5s\n timeout client 1h\n timeout server 1h\n\
         listen relay\n bind {address}\n server target {upstream}\n"
    );
    let path = std::env::temp_dir().join(format!("postern-measure-{}.cfg", address.port()));
    fs::write(&path, config).expect("write");
    let mut command = Command::new("haproxy");
    command.arg("-db").arg("-f").arg(path);
    command
}

/// Not a test: the process that the measurements start.
#[test]
fn a_relay_under_measurement() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let upstream: SocketAddr = std::env::var(UPSTREAM).expect("upstream").parse().expect("address");
    let port: u16 = std::env::var(PORT).expect("port").parse().expect("port");
    let listener = TcpListener::bind(("127.0.0.1", port)).expect("bind");
    let relays = Relays::start().expect("relays");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("runtime");
    for agent in listener.incoming() {
        let (agent, target) = (agent.expect("accept"), TcpStream::connect(upstream).expect("connect"));
        if role == "postern" {
            let relays = relays.clone();
            let [agent, target] = [agent, target].map(|socket| Login::without(Wire::Plain(socket)));
            let carriage = Carriage::new(agent, target, Freight::Opaque).expect("a carriage");
            let forever = std::future::pending();
            runtime.spawn(async move { relays.carry(carriage, Duration::from_secs(3600), forever).await });
        } else {
            blocking(agent, target);
        }
    }
}

/// Two threads that read and write 64 KiB at a time.
fn blocking(agent: TcpStream, target: TcpStream) {
    let copies = (agent.try_clone().expect("clone"), target.try_clone().expect("clone"));
    for (mut from, mut to) in [(agent, target), (copies.1, copies.0)] {
        from.set_nodelay(true).expect("nodelay");
        thread::spawn(move || {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(read @ 1..) = from.read(&mut buffer) {
                if to.write_all(&buffer[..read]).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(Shutdown::Write);
        });
    }
}

/// Answers 100 bytes with 200; a first byte of 1 asks for bulk instead.
fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("address");
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || serve(stream.expect("accept")));
        }
    });
    address
}

fn serve(mut stream: TcpStream) {
    stream.set_nodelay(true).expect("nodelay");
    let mut request = [0; 100];
    while stream.read_exact(&mut request).is_ok() {
        if request[0] == 1 {
            let chunk = vec![7; CHUNK];
            let mut left = BULK;
            while left > 0 && stream.write_all(&chunk).is_ok() {
                left = left.saturating_sub(CHUNK as u64);
            }
            return;
        }
        if stream.write_all(&[2; 200]).is_err() {
            return;
        }
    }
}

fn dial(relay: &Relay) -> TcpStream {
    let stream = TcpStream::connect(relay.address).expect("connect");
    stream.set_nodelay(true).expect("nodelay");
    stream
}

/// Median and 99th percentile of a round trip in microseconds, and CPU of the relay for each.
fn trips(relay: &Relay) -> [f64; 3] {
    let mut stream = dial(relay);
    let mut answer = [0; 200];
    let mut times = Vec::with_capacity(TRIPS);
    let cpu = relay.cpu();
    for _ in 0..TRIPS {
        let since = Instant::now();
        stream.write_all(&[0; 100]).expect("write");
        stream.read_exact(&mut answer).expect("read");
        times.push(since.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    let cpu = (relay.cpu() - cpu) / TRIPS as f64 * 1e6;
    [times[TRIPS / 2], times[TRIPS * 99 / 100], cpu]
}

/// MB/s, and milliseconds of the relay's CPU for each MB.
fn bulk(relay: &Relay) -> [f64; 2] {
    let mut stream = dial(relay);
    let (cpu, since) = (relay.cpu(), Instant::now());
    let mut request = [0; 100];
    request[0] = 1;
    stream.write_all(&request).expect("write");
    let mut buffer = vec![0; CHUNK];
    let mut received = 0;
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        received += read as u64;
    }
    assert_eq!(received, BULK, "{} lost bytes", relay.name);
    let megabytes = BULK as f64 / 1e6;
    [megabytes / since.elapsed().as_secs_f64(), (relay.cpu() - cpu) * 1e3 / megabytes]
}

fn median<const N: usize>(rows: &[[f64; N]]) -> [f64; N] {
    std::array::from_fn(|column| {
        let mut values: Vec<f64> = rows.iter().map(|row| row[column]).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    })
}

#[test]
fn a_hop_beside_other_relays() {
    let upstream = server();
    let mut relays = vec![Relay { name: "direct", process: None, address: upstream }];
    relays.extend(["blocking", "postern"].map(|name| Relay::start(name, upstream)));
    if Command::new("haproxy").arg("-v").stdout(Stdio::null()).status().is_ok() {
        relays.push(Relay::start("haproxy", upstream));
    }
    let mut rows = vec![(Vec::new(), Vec::new()); relays.len()];
    for _ in 0..ROUNDS {
        for (relay, (small, large)) in relays.iter().zip(&mut rows) {
            small.push(trips(relay));
            large.push(bulk(relay));
        }
    }
    println!("{:10} {:>8} {:>8} {:>10} {:>9} {:>10}", "", "p50 us", "p99 us", "cpu us", "MB/s", "cpu ms/MB");
    for (relay, (small, large)) in relays.iter().zip(&rows) {
        let ([p50, p99, cpu], [rate, cost]) = (median(small), median(large));
        println!("{:10} {p50:8.1} {p99:8.1} {cpu:10.1} {rate:9.0} {cost:10.3}", relay.name);
    }
}

#[test]
fn the_memory_of_silent_connections() {
    const COUNT: usize = 3000;
    let relay = Relay::start("postern", server());
    let memory = || {
        let status = fs::read_to_string(format!("/proc/{}/status", relay.process.as_ref().expect("it").id()));
        let line = status.expect("status").lines().find(|line| line.starts_with("VmRSS")).map(str::to_owned);
        line.expect("VmRSS").split_whitespace().nth(1).expect("a number").parse::<f64>().expect("KiB")
    };
    let before = memory();
    let mut streams: Vec<TcpStream> = (0..COUNT).map(|_| dial(&relay)).collect();
    let mut answer = [0; 200];
    for stream in &mut streams {
        stream.write_all(&[0; 100]).expect("write");
        stream.read_exact(&mut answer).expect("read");
    }
    thread::sleep(Duration::from_secs(15));
    let each = (memory() - before) / COUNT as f64;
    println!("{each:.2} KiB for each of {COUNT} silent connections");
    assert!(each < 24.0);
}
