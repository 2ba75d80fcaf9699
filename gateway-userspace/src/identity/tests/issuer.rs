//! A provider of identities for tests: keys made on the spot, tokens signed by hand, and documents that say what a test
//! wants, served on this host's loopback.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::identity::Token;

pub const NOW: u64 = 1_800_000_000;

pub struct Key {
    pub name: String,
    pair: EcdsaKeyPair,
}

impl Key {
    pub fn new(name: &str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        Self { name: name.to_owned(), pair }
    }

    /// As a member of a key set.
    pub fn public(&self) -> String {
        let point = self.pair.public_key().as_ref();
        let number = |from: usize| URL_SAFE_NO_PAD.encode(&point[from..from + 32]);
        format!(
            r#"{{"kty":"EC","crv":"P-256","kid":"{}","x":"{}","y":"{}"}}"#,
            self.name,
            number(1),
            number(33)
        )
    }

    pub fn sign(&self, signed: &str) -> String {
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).expect("signed");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A token with this header and these claims.
    pub fn token(&self, claims: &str) -> Token {
        let header = format!(r#"{{"alg":"ES256","kid":"{}","typ":"at+jwt"}}"#, self.name);
        token(&self.sign(&format!("{}.{}", part(&header), part(claims))))
    }
}

pub fn part(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

pub fn token(text: &str) -> Token {
    Token::from_bytes(Zeroizing::new(text.as_bytes().to_vec())).expect("a token")
}

pub fn key_set(keys: &[&Key]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| key.public()).collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

/// What the provider answers.
#[derive(Debug, Clone)]
pub enum Mood {
    Keys(String),
    Nothing,
    Silent,
    Endless,
    Nonsense,
    /// It says that it is another one.
    Other(String),
}

/// A provider that listens.
pub struct Issuer {
    pub issuer: String,
    mood: Arc<Mutex<Mood>>,
    fetches: Arc<AtomicU64>,
}

impl Issuer {
    pub fn start(keys: &[&Key]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let (mood, fetches) = (Arc::new(Mutex::new(Mood::Keys(key_set(keys)))), Arc::<AtomicU64>::default());
        let provider =
            Self { issuer: issuer.clone(), mood: Arc::clone(&mood), fetches: Arc::clone(&fetches) };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (issuer, mood, fetches) = (issuer.clone(), Arc::clone(&mood), Arc::clone(&fetches));
                thread::spawn(move || {
                    let mood = mood.lock().expect("no panic").clone();
                    answer(stream, &issuer, mood, &fetches);
                });
            }
        });
        provider
    }

    pub fn turn(&self, mood: Mood) {
        *self.mood.lock().expect("no panic") = mood;
    }

    /// How often the keys were asked for.
    pub fn fetches(&self) -> u64 {
        self.fetches.load(Ordering::SeqCst)
    }
}

fn answer(mut stream: TcpStream, issuer: &str, mood: Mood, fetches: &AtomicU64) {
    let mut request = [0; 4096];
    let length = stream.read(&mut request).unwrap_or(0);
    let asks_for_keys = String::from_utf8_lossy(&request[..length]).starts_with("GET /keys");
    let discovery = |issuer: &str| format!(r#"{{"issuer":"{issuer}","jwks_uri":"{issuer}/keys"}}"#);
    if !asks_for_keys {
        fetches.fetch_add(1, Ordering::SeqCst);
    }
    let body = match mood {
        Mood::Keys(keys) if asks_for_keys => keys,
        Mood::Keys(_) => discovery(issuer),
        Mood::Other(other) => discovery(&other),
        Mood::Nonsense => "<html>503</html>".to_owned(),
        Mood::Endless => "x".repeat(1 << 20),
        Mood::Silent => return thread::sleep(Duration::from_secs(30)),
        Mood::Nothing => return,
    };
    let length = body.len();
    let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
}
