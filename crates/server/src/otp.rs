//! Bringing a one-time code to a person.
//!
//! A driver is given the address, the code and how long it lives, and says only whether it got rid of them. No driver
//! writes the code to the log, puts it on a command line or into an environment; errors never carry it.

mod command;
mod file;
mod smtp;
mod webhook;

use std::io::Write;
use std::time::Duration;

use hushwire_types::Secret;

use crate::config::Driver;

/// How long a driver may take; then the registration is told that the code could not be sent.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// One code on its way.
#[derive(Debug, Clone)]
pub struct Message {
    /// Where to: E.164 or an e-mail address.
    pub to: Address,
    /// Six ASCII digits.
    pub code: Secret<6>,
    /// How long the code lives.
    pub lives_for: Duration,
}

/// Where a code goes; `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub enum Address {
    /// E.164.
    Phone(String),
    /// An e-mail address.
    Email(String),
}

impl Address {
    /// The text of the address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Phone(text) | Self::Email(text) => text,
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Phone(_) => "phone",
            Self::Email(_) => "email",
        }
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Address::{}(..)", self.kind())
    }
}

impl Message {
    /// The code as text.
    fn code_text(&self) -> zeroize::Zeroizing<String> {
        zeroize::Zeroizing::new(String::from_utf8_lossy(self.code.expose()).into_owned())
    }

    /// What file, command and webhook are given: `{"kind", "to", "code", "lives_for_s"}`.
    fn to_json(&self) -> zeroize::Zeroizing<Vec<u8>> {
        let body = serde_json::json!({
            "kind": self.to.kind(),
            "to": self.to.as_str(),
            "code": *self.code_text(),
            "lives_for_s": self.lives_for.as_secs(),
        });
        zeroize::Zeroizing::new(body.to_string().into_bytes())
    }

    fn sentence(&self) -> zeroize::Zeroizing<String> {
        let seconds = self.lives_for.as_secs();
        let span =
            if seconds.is_multiple_of(60) { format!("{} min", seconds / 60) } else { format!("{seconds} s") };
        zeroize::Zeroizing::new(format!(
            "Your Hushwire code is {}. It lives for {span}. Give it to nobody.",
            *self.code_text()
        ))
    }
}

/// Why a code did not go out. The operator reads it in the log; the person only hears that it could not be sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OtpError {
    /// The server has no driver for this kind of address.
    #[error("no driver is configured for this kind of address")]
    NoDriver,
    /// The driver could not be reached or set up.
    #[error("the {driver} driver failed: {reason}")]
    Failed {
        /// Which driver.
        driver: &'static str,
        /// What happened; never the code.
        reason: String,
    },
    /// The driver did not answer in time.
    #[error("the driver did not finish within {} s", DEADLINE.as_secs())]
    TimedOut,
}

impl OtpError {
    fn failed(driver: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Failed { driver, reason: reason.to_string() }
    }
}

/// Sends `message` by `driver`.
///
/// # Errors
/// [`OtpError`]: nothing was sent, as far as the driver knows.
pub async fn deliver(driver: &Driver, message: Message) -> Result<(), OtpError> {
    let sending = async {
        match driver {
            Driver::None => Err(OtpError::NoDriver),
            Driver::Console => print_code(&message),
            Driver::File { path } => file::append(path, &message).await,
            Driver::Command { command } => command::run(command, &message).await,
            Driver::Webhook { url, key_file } => webhook::post(url, key_file, &message).await,
            Driver::Smtp { .. } => smtp::send(driver, &message).await,
        }
    };
    tokio::time::timeout(DEADLINE, sending).await.map_err(|_| OtpError::TimedOut)?
}

/// Not the log: what an operator who tries things out looks at.
fn print_code(message: &Message) -> Result<(), OtpError> {
    let line =
        zeroize::Zeroizing::new(format!("Code for {}: {}\n", message.to.as_str(), *message.code_text()));
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| OtpError::failed("console", error))
}
