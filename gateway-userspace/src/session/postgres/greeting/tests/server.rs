//! A gateway as far as its door, and those who knock.

use std::fs::Permissions;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use gateway_policy::target::{HostName, TargetHost};
use gateway_protocols::postgres::refusal::{Code, Refusal};
use gateway_protocols::postgres::startup::{CancelKey, Version};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_blocking;

use super::super::{Arrival, Claim, Door, Login, greet};
use crate::config::SecretReference;
use crate::relay::wire::Wire;
use crate::report::one_line;
use crate::session::postgres::placeholders::Placeholders;
use crate::tls::trust::Trust;
use crate::tls::{Authority, Permits, Subject};

/// What became of the next one who came.
#[derive(Debug)]
pub enum Heard {
    Session(Claim),
    Cancel(CancelKey),
    Nothing,
    Failed(String),
}

pub struct Gateway {
    folder: TempDir,
    authority: Authority,
    subject: Subject,
    listener: TcpListener,
    placeholders: Placeholders,
    placeholder: Option<SecretReference>,
    refuses: bool,
    limit: Duration,
}

impl Gateway {
    pub async fn attested() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let hosts = ["db.example.com", "127.0.0.1"].map(|host| TargetHost::parse(host).expect(host));
        let permits: Permits = hosts.iter().collect();
        let authority = Authority::open(&folder.path().join("authority"), &permits).expect("an authority");
        Trust::below(folder.path()).publish(&authority.certificates()).expect("published");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bind");
        let names = vec![HostName::parse("db.example.com").expect("a name")];
        let subject = Subject { names, address: [127, 0, 0, 1].into() };
        let limit = Duration::from_secs(20);
        let placeholders = Placeholders::new().expect("placeholders");
        Self { folder, authority, subject, listener, placeholders, placeholder: None, refuses: false, limit }
    }

    pub async fn with_placeholder(password: &str) -> Self {
        let gateway = Self::attested().await;
        let path = gateway.folder.path().join("placeholder");
        std::fs::write(&path, password).expect("written");
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("a mode");
        Self { placeholder: Some(SecretReference::File(path)), ..gateway }
    }

    pub fn without_placeholder_file(self) -> Self {
        std::fs::remove_file(self.folder.path().join("placeholder")).expect("it was there");
        self
    }

    pub async fn refusing() -> Self {
        Self { refuses: true, ..Self::attested().await }
    }

    pub fn within(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    pub fn conninfo(&self, more: &str) -> String {
        let port = self.listener.local_addr().expect("an address").port();
        let root = self.folder.path().join("ca.pem");
        // Of a setting that is given twice, the last one holds.
        format!(
            "host=db.example.com hostaddr=127.0.0.1 port={port} user=app dbname=orders \
             connect_timeout=20 sslrootcert={} {more}",
            root.display()
        )
    }

    /// Receives the next one, and keeps the connection until it is closed.
    pub async fn hear(&self) -> Heard {
        match self.receive().await {
            Ok(Arrival::Session(greeted)) if self.refuses => {
                let claim = greeted.claim().clone();
                greeted.refuse(&Refusal::fatal(Code::CannotConnectNow, "the target is not there")).await;
                Heard::Session(claim)
            }
            Ok(Arrival::Session(greeted)) => {
                let claim = greeted.claim().clone();
                let (wire, _) = welcome(greeted).await;
                spawn_blocking(move || until_closed(wire)).await.expect("no panic");
                Heard::Session(claim)
            }
            Ok(Arrival::Cancel(key)) => Heard::Cancel(key),
            Ok(Arrival::Nothing) => Heard::Nothing,
            Err(error) => Heard::Failed(one_line(&error)),
        }
    }

    /// What the next one had sent before it was welcomed.
    pub async fn hear_early(&self) -> Vec<u8> {
        let Ok(Arrival::Session(greeted)) = self.receive().await else { panic!("no login") };
        // Until what was sent along with the login has come too.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let (wire, mut early) = welcome(greeted).await;
        if early.is_empty() {
            early = spawn_blocking(move || read_some(wire)).await.expect("no panic");
        }
        early
    }

    async fn receive(&self) -> Result<Arrival, super::super::GreetError> {
        let (stream, _) = self.listener.accept().await.expect("accept");
        let placeholder = |place| Login::Placeholder(&self.placeholders, place);
        let login = self.placeholder.as_ref().map_or(Login::Attested, placeholder);
        let door = Door { authority: &self.authority, subject: &self.subject, login, limit: self.limit };
        greet(stream, &door).await
    }

    pub async fn dial(&self) -> TcpStream {
        TcpStream::connect(self.listener.local_addr().expect("an address")).await.expect("connect")
    }

    /// Sends bytes, plain or inside TLS from the first one on, and gives back what is answered within a moment.
    pub async fn send(&self, bytes: &[u8], direct: bool) -> Vec<u8> {
        if direct {
            return self.send_through_openssl(bytes, &["-alpn", "postgresql"]).await;
        }
        let mut stream = self.dial().await;
        stream.write_all(bytes).await.expect("sent");
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(Duration::from_millis(300), stream.read_to_end(&mut answer)).await;
        answer
    }

    pub async fn send_through_openssl(&self, bytes: &[u8], more: &[&str]) -> Vec<u8> {
        let address = self.listener.local_addr().expect("an address").to_string();
        let (bytes, more) = (bytes.to_vec(), more.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        spawn_blocking(move || openssl(&address, &bytes, &more)).await.expect("no panic")
    }
}

async fn welcome(greeted: super::super::Greeted) -> (Wire, Vec<u8>) {
    let key = CancelKey::new(7, &[1, 2, 3, 4]).expect("a key");
    let parameters = [("server_version".to_owned(), "15.0".to_owned())];
    greeted.welcome(&parameters, &key).await.expect("welcomed")
}

fn until_closed(wire: Wire) {
    match wire {
        Wire::Plain(mut socket) => {
            socket.set_nonblocking(false).expect("a socket option");
            let _ = std::io::copy(&mut socket, &mut std::io::sink());
        }
        Wire::Tls { mut socket, mut tls } => {
            socket.set_nonblocking(false).expect("a socket option");
            let mut stream = rustls::Stream::new(server(&mut tls), &mut socket);
            let _ = std::io::copy(&mut stream, &mut std::io::sink());
        }
    }
}

fn server(tls: &mut rustls::Connection) -> &mut rustls::ServerConnection {
    match tls {
        rustls::Connection::Server(server) => server,
        rustls::Connection::Client(_) => panic!("the gateway is a server here"),
    }
}

fn read_some(wire: Wire) -> Vec<u8> {
    let mut chunk = [0; 100];
    let read = match wire {
        Wire::Plain(mut socket) => {
            socket.set_nonblocking(false).expect("a socket option");
            socket.read(&mut chunk)
        }
        Wire::Tls { mut socket, mut tls } => {
            socket.set_nonblocking(false).expect("a socket option");
            rustls::Stream::new(server(&mut tls), &mut socket).read(&mut chunk)
        }
    };
    chunk[..read.expect("something")].to_vec()
}

/// What psql says of its connection.
pub async fn psql(conninfo: String) -> String {
    let run = move || {
        Command::new("psql")
            .args(["-X", "-w", "-d", &conninfo, "-c", "\\conninfo"])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", "/nonexistent")
            .env("LC_ALL", "C")
            .output()
            .expect("psql")
    };
    let output = spawn_blocking(run).await.expect("no panic");
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn openssl(address: &str, bytes: &[u8], more: &[String]) -> Vec<u8> {
    let mut child = Command::new("openssl")
        .args(["s_client", "-quiet", "-connect", address, "-servername", "db.example.com"])
        .args(more)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl");
    let mut input = child.stdin.take().expect("its input");
    input.write_all(bytes).expect("sent");
    std::thread::sleep(Duration::from_millis(300));
    drop(input);
    let _ = child.kill();
    child.wait_with_output().expect("its end").stdout
}

pub fn startup(version: Version, parameters: &[u8]) -> Vec<u8> {
    let mut message = ((8 + parameters.len()) as u32).to_be_bytes().to_vec();
    message.extend_from_slice(&u32::from(version).to_be_bytes());
    message.extend_from_slice(parameters);
    message
}
