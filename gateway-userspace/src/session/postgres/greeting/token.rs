//! The login of an agent that shows an identity token in place of a password (PostgreSQL protocol,
//! AuthenticationCleartextPassword).

use gateway_protocols::postgres::welcome;
use zeroize::Zeroizing;

use super::{Caller, GreetError};
use crate::identity::Token;

/// A token of the longest kind, and the zero byte behind it.
const LONGEST: usize = (32 << 10) + 1;

impl Caller {
    /// `None`: it sent no text, or none at all.
    pub(super) async fn ask_for_token(&mut self) -> Result<Option<Token>, GreetError> {
        let mut out = Vec::new();
        welcome::authentication_cleartext_password(&mut out);
        self.say(&out).await?;
        let mut answer = Zeroizing::new(self.answer_of(LONGEST).await?);
        match answer.pop() {
            Some(0) => Ok(Token::from_bytes(answer)),
            _ => Err(GreetError::NoAnswer),
        }
    }
}
