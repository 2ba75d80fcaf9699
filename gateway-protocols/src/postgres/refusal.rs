//! How PostgreSQL hears a no: an ErrorResponse (PostgreSQL protocol, Error and Notice Message Fields).

#[cfg(test)]
mod tests;

use alloc::borrow::Cow;
use alloc::vec::Vec;

use gateway_policy::approval::NotApproved;
use gateway_policy::judge::{Because, Denial};

use super::frame;

/// Whether the connection can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Error,
    Fatal,
}

impl Severity {
    const fn word(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
        }
    }
}

/// A SQLSTATE that the gateway uses itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// What a denial is.
    InsufficientPrivilege,
    ProtocolViolation,
    ConnectionFailure,
    CannotConnectNow,
    TooManyConnections,
    InvalidPassword,
    InvalidAuthorization,
    UndefinedDatabase,
    UndefinedStatement,
    UndefinedPortal,
    NameTooLong,
    UnknownByteSequence,
    ProgramLimitExceeded,
    QueryCanceled,
    FeatureNotSupported,
    DiskFull,
    InputOutput,
    AdminShutdown,
    IdleSessionTimeout,
    Internal,
}

impl Code {
    pub const fn sqlstate(self) -> &'static str {
        match self {
            Self::InsufficientPrivilege => "42501",
            Self::ProtocolViolation => "08P01",
            Self::ConnectionFailure => "08006",
            Self::CannotConnectNow => "57P03",
            Self::TooManyConnections => "53300",
            Self::InvalidPassword => "28P01",
            Self::InvalidAuthorization => "28000",
            Self::UndefinedDatabase => "3D000",
            Self::UndefinedStatement => "26000",
            Self::UndefinedPortal => "34000",
            Self::NameTooLong => "42622",
            Self::UnknownByteSequence => "22021",
            Self::ProgramLimitExceeded => "54000",
            Self::QueryCanceled => "57014",
            Self::FeatureNotSupported => "0A000",
            Self::DiskFull => "53100",
            Self::InputOutput => "58030",
            Self::AdminShutdown => "57P01",
            Self::IdleSessionTimeout => "57P05",
            Self::Internal => "XX000",
        }
    }
}

/// What an agent is told instead of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub severity: Severity,
    pub code: Code,
    pub message: Cow<'static, str>,
    pub hint: Option<Cow<'static, str>>,
}

impl Refusal {
    /// After which the connection stays usable.
    pub fn error(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { severity: Severity::Error, code, message: message.into(), hint: None }
    }

    /// After which the connection is closed.
    pub fn fatal(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self { severity: Severity::Fatal, code, message: message.into(), hint: None }
    }

    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Appends the whole ErrorResponse.
    pub fn write(&self, out: &mut Vec<u8>) {
        frame::message(out, b'E', |out| {
            let word = self.severity.word();
            let fields = [(b'S', word), (b'V', word), (b'C', self.code.sqlstate()), (b'M', &self.message)];
            for (letter, text) in fields.into_iter().chain(self.hint.iter().map(|hint| (b'H', hint.as_ref())))
            {
                out.push(letter);
                frame::text(out, text.as_bytes());
            }
            out.push(0);
        });
    }
}

/// Appends a whole NoticeResponse, which means nothing to the answer that is awaited.
pub fn notice(out: &mut Vec<u8>, message: &str) {
    frame::message(out, b'N', |out| {
        for (letter, text) in [(b'S', "NOTICE"), (b'V', "NOTICE"), (b'C', "00000"), (b'M', message)] {
            out.push(letter);
            frame::text(out, text.as_bytes());
        }
        out.push(0);
    });
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        let code = match denial.because {
            Because::Limit => Code::ProgramLimitExceeded,
            Because::NotApproved(NotApproved::Withdrawn) => Code::QueryCanceled,
            _ => Code::InsufficientPrivilege,
        };
        Self {
            severity: Severity::Error,
            code,
            message: denial.message.into(),
            hint: denial.hint.map(Cow::from),
        }
    }
}
