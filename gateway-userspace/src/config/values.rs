//! How each kind of value is read. Every reader complains with what was expected and gives nothing back.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use gateway_policy::agent::{AgentUser, CgroupPattern, Designation, SlicePattern, UnitPattern};
use gateway_policy::level::Level;
use gateway_policy::target::{HostName, Protocol, TargetHost};
use toml::de::DeValue;

use super::mistakes::Place;
use super::postgres::{CredentialKind, Judging, Pin, Tls};
use super::schema::{Inbound, UnixPeer};
use super::secret_reference::SecretReference;
use super::section::{Value, did_you_mean};

/// The longest path that a unix socket address holds, with its terminating zero.
const SOCKET_PATH_MAX: usize = 107;
/// Longer than any wait that is meant; catches a slipped unit.
const DURATION_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// A value and where it stands, for checks that come after reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    pub value: T,
    pub place: Place,
}

pub fn located<T>(read: impl Fn(&Value<'_>) -> Option<T>) -> impl Fn(&Value<'_>) -> Option<Located<T>> {
    move |value| Some(Located { value: read(value)?, place: value.place() })
}

pub fn text(value: &Value<'_>) -> Option<String> {
    match value.content {
        DeValue::String(text) if !text.is_empty() => Some(text.to_string()),
        DeValue::String(_) => value.wrong("it is empty", "write the value, or remove the key"),
        other => value.wrong(format!("expected text, found {}", kind(other)), "write it in quotes"),
    }
}

pub fn flag(value: &Value<'_>) -> Option<bool> {
    match value.content {
        DeValue::Boolean(flag) => Some(*flag),
        other => value.wrong(format!("expected true or false, found {}", kind(other)), "write true or false"),
    }
}

/// A whole number within bounds.
pub fn count<T: TryFrom<u64>>(bounds: RangeInclusive<u64>) -> impl Fn(&Value<'_>) -> Option<T> {
    move |value| {
        let remedy = format!("write a whole number from {} to {}", bounds.start(), bounds.end());
        let DeValue::Integer(number) = value.content else {
            return value.wrong(format!("expected a number, found {}", kind(value.content)), remedy);
        };
        let read = u64::from_str_radix(number.as_str(), number.radix()).ok().filter(|n| bounds.contains(n));
        match read.and_then(|n| T::try_from(n).ok()) {
            Some(number) => Some(number),
            None => value.wrong(format!("{} is out of bounds", number.as_str()), remedy),
        }
    }
}

pub fn port(value: &Value<'_>) -> Option<u16> {
    count(1..=65535)(value)
}

/// A port that the gateway may listen on without privileges.
pub fn own_port(value: &Value<'_>) -> Option<u16> {
    count(1024..=65535)(value)
}

pub fn duration(value: &Value<'_>) -> Option<Duration> {
    const REMEDY: &str = "write a number with its unit, such as \"500ms\", \"30s\", \"5m\" or \"2h\"";
    let DeValue::String(text) = value.content else {
        return value.wrong(format!("expected a duration, found {}", kind(value.content)), REMEDY);
    };
    match humantime::parse_duration(text) {
        Ok(duration) if duration.is_zero() => value.wrong("it must be longer than nothing", REMEDY),
        Ok(duration) if duration > DURATION_MAX => value.wrong("it must be at most 7 days", REMEDY),
        Ok(duration) => Some(duration),
        Err(error) => value.wrong(format!("{text:?} is no duration ({error})"), REMEDY),
    }
}

pub fn absolute_path(value: &Value<'_>) -> Option<PathBuf> {
    let path = PathBuf::from(text(value)?);
    let plain = path.components().all(|part| !matches!(part, std::path::Component::ParentDir));
    if path.is_absolute() && plain {
        Some(path)
    } else {
        value
            .wrong(format!("{} is no absolute path", path.display()), "write the path from `/`, without `..`")
    }
}

pub fn socket_path(value: &Value<'_>) -> Option<PathBuf> {
    let path = absolute_path(value)?;
    if path.as_os_str().len() <= SOCKET_PATH_MAX {
        Some(path)
    } else {
        value.wrong("it is too long for a unix socket", format!("use at most {SOCKET_PATH_MAX} bytes"))
    }
}

/// A path, or `auto` for what is found on the host.
pub fn path_or_auto(value: &Value<'_>) -> Option<Option<PathBuf>> {
    match value.content {
        DeValue::String(word) if word == "auto" => Some(None),
        _ => absolute_path(value).map(Some),
    }
}

/// A host name, or `auto` for what is configured elsewhere.
pub fn name_or_auto(value: &Value<'_>) -> Option<Option<HostName>> {
    match value.content {
        DeValue::String(word) if word == "auto" => Some(None),
        _ => parsed(HostName::parse, "write an exact host name, or \"auto\"")(value).map(Some),
    }
}

/// A value, or `none`.
pub fn or_none<T>(read: impl Fn(&Value<'_>) -> Option<T>) -> impl Fn(&Value<'_>) -> Option<Option<T>> {
    move |value| match value.content {
        DeValue::String(word) if word == "none" => Some(None),
        _ => read(value).map(Some),
    }
}

/// A number of bytes with its unit.
pub fn size(bounds: RangeInclusive<u32>) -> impl Fn(&Value<'_>) -> Option<u32> {
    const UNITS: [(&str, u64); 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
    move |value| {
        let remedy = "write a whole number with its unit, such as \"256KiB\", \"16MiB\" or \"1GiB\"";
        let given = text(value)?;
        let bytes = UNITS.into_iter().find_map(|(unit, bytes)| {
            let number: u64 = given.strip_suffix(unit)?.trim_end().parse().ok()?;
            number.checked_mul(bytes)
        });
        match bytes.map(u32::try_from) {
            Some(Ok(bytes)) if bounds.contains(&bytes) => Some(bytes),
            Some(_) => value.wrong(format!("{given} is out of bounds"), remedy),
            None => value.wrong(format!("{given:?} is no size"), remedy),
        }
    }
}

/// The user of the gateway, which parses what agents send.
pub fn gateway_user(value: &Value<'_>) -> Option<String> {
    let name = text(value)?;
    if uid(value, &name) == Some(0) {
        return value
            .wrong("the gateway does not run as root", "name a user of its own, such as \"postern\"");
    }
    Some(name)
}

fn uid(value: &Value<'_>, name: &str) -> Option<u32> {
    (value.source.uid_of)(name).or_else(|| {
        value.wrong(
            format!("user `{name}` does not exist on this host"),
            format!("create it (`useradd --system {name}`), or name another user"),
        )
    })
}

/// A list of items, or one item alone. Items with a mistake are left out, after they complained.
pub fn list<T>(read: impl Fn(&Value<'_>) -> Option<T>) -> impl Fn(&Value<'_>) -> Option<Vec<T>> {
    move |value| match value.content {
        DeValue::Array(items) => Some(items.iter().filter_map(|item| read(&value.item(item))).collect()),
        _ => read(value).map(|item| vec![item]),
    }
}

/// A list that must hold something.
pub fn some<T>(read: impl Fn(&Value<'_>) -> Option<T>) -> impl Fn(&Value<'_>) -> Option<Vec<T>> {
    let read = list(read);
    move |value| match value.content {
        DeValue::Array(items) if items.is_empty() => value.wrong("the list is empty", "name at least one"),
        _ => read(value),
    }
}

/// Text that some parser understands.
pub fn parsed<T, E: Display>(
    parse: impl Fn(&str) -> Result<T, E>,
    remedy: &'static str,
) -> impl Fn(&Value<'_>) -> Option<T> {
    move |value| {
        let word = text(value)?;
        match parse(&word) {
            Ok(read) => Some(read),
            Err(error) => value.wrong(format!("`{word}`: {error}"), remedy),
        }
    }
}

/// One word of several.
fn word<T>(value: &Value<'_>, known: &[(&str, T)]) -> Option<T>
where
    T: Copy,
{
    let given = text(value)?;
    match known.iter().find(|(name, _)| *name == given) {
        Some((_, meaning)) => Some(*meaning),
        None => {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            value.wrong(format!("`{given}` is not known here"), did_you_mean(&given, &names))
        }
    }
}

pub fn level(value: &Value<'_>) -> Option<Level> {
    word(value, &Level::ALL.map(|level| (level.name(), level)))
}

pub fn protocol(value: &Value<'_>) -> Option<Protocol> {
    word(value, &Protocol::ALL.map(|protocol| (protocol.name(), protocol)))
}

pub fn credential_kind(value: &Value<'_>) -> Option<CredentialKind> {
    word(value, &CredentialKind::ALL.map(|kind| (kind.name(), kind)))
}

pub fn tls(value: &Value<'_>) -> Option<Tls> {
    word(value, &Tls::ALL.map(|tls| (tls.name(), tls)))
}

pub fn judging(value: &Value<'_>) -> Option<Judging> {
    word(value, &Judging::ALL.map(|judging| (judging.name(), judging)))
}

/// What was written may be the secret itself, so it is not repeated.
pub fn secret_reference(value: &Value<'_>) -> Option<SecretReference> {
    const REMEDY: &str =
        "write where it is: \"file:PATH\", \"credential:NAME\", \"env:NAME\" or \"command:PATH\"";
    match text(value)?.parse() {
        Ok(reference) => Some(reference),
        Err(error) => value.wrong(error, REMEDY),
    }
}

/// `sha256:` and 64 hexadecimal digits, with or without colons between them.
pub fn pin(value: &Value<'_>) -> Option<Pin> {
    let given = text(value)?;
    let digits = given.strip_prefix("sha256:").unwrap_or_default().replace(':', "");
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let bytes: Option<Vec<u8>> = digits.as_bytes().chunks(2).map(byte).collect();
    match bytes.filter(|_| plain).and_then(|bytes| bytes.try_into().ok()) {
        Some(hash) => Some(Pin(hash)),
        None => value.wrong(
            format!("`{given}` is no fingerprint"),
            "write \"sha256:\" and what `openssl x509 -noout -fingerprint -sha256` prints",
        ),
    }
}

pub fn inbound(value: &Value<'_>) -> Option<Inbound> {
    word(value, &Inbound::ALL.map(|inbound| (inbound.name(), inbound)))
}

pub fn target_host(value: &Value<'_>) -> Option<TargetHost> {
    parsed(TargetHost::parse, "write an exact name, an address, or a network such as 10.0.0.0/8")(value)
}

pub fn unix_peer(value: &Value<'_>) -> Option<UnixPeer> {
    parsed(UnixPeer::from_str, "write a path such as \"/run/x.sock\", or \"@name\" for an abstract socket")(
        value,
    )
}

/// One key's designations, each with its place for the checks that come after.
pub fn designations(
    read: impl Fn(&Value<'_>) -> Option<Designation>,
) -> impl Fn(&Value<'_>) -> Option<Vec<Located<Designation>>> {
    list(located(read))
}

pub fn cgroup(value: &Value<'_>) -> Option<Designation> {
    parsed(CgroupPattern::parse, "write a path such as \"/agents.slice/coder-*\"")(value)
        .map(Designation::Cgroup)
}

pub fn unit(value: &Value<'_>) -> Option<Designation> {
    parsed(UnitPattern::parse, "write a unit name such as \"coder@*.service\"")(value).map(Designation::Unit)
}

pub fn slice(value: &Value<'_>) -> Option<Designation> {
    parsed(SlicePattern::parse, "write a slice name such as \"agents.slice\"")(value).map(Designation::Slice)
}

pub fn agent_user(value: &Value<'_>) -> Option<Designation> {
    let name = text(value)?;
    let uid = uid(value, &name)?;
    Some(Designation::User(AgentUser { name, uid }))
}

/// What was found instead, in words.
fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
