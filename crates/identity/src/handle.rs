//! Handles: the names by which a server finds an account. The server vouches for them, nobody else (rule R4).
//!
//! Each kind has one canonical form, so that equal handles are equal strings:
//! - `@name`: 2 to 32 letters, digits, `.`, `_` and `-` of one script, NFKC and case-folded;
//! - `+15551234567`: E.164;
//! - `name@example.org`: an ASCII address in lower case.

mod username;

use std::fmt;
use std::str::FromStr;

pub use username::Username;

use crate::host::{Host, is_dns_name};

/// Why a text is no handle. The sentences are for the person who typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandleError {
    /// None of the three kinds; ask again.
    #[error("a handle is @name, a phone number with its +, or an e-mail address")]
    Kind,
    /// Too short or too long; ask again.
    #[error("a username has 2 to 32 characters")]
    UsernameLength,
    /// A character that usernames do not have; ask again.
    #[error("a username has only letters, digits, '.', '_' and '-', not {0:?}")]
    UsernameCharacter(char),
    /// It begins or ends with `.`, `_` or `-`; ask again.
    #[error("a username begins and ends with a letter or a digit")]
    UsernameEnds,
    /// Letters of different scripts, of which some look alike; ask again.
    #[error("a username has letters of one alphabet only")]
    MixedScripts,
    /// No E.164 number; ask again.
    #[error("a phone number begins with + and its country code and has 7 to 15 digits")]
    Phone,
    /// No e-mail address that hushwire can use; ask again.
    #[error("this is not an e-mail address")]
    Email,
    /// The part after the last @ names no server; ask again.
    #[error("the server's name after the @ cannot be read")]
    Server,
}

/// A phone number in E.164: `+` and 7 to 15 digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Phone(String);

impl Phone {
    /// With the plus sign.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Phone {
    type Err = HandleError;

    /// Reads a number with its country code; spaces, hyphens, dots, slashes and parentheses do not count.
    fn from_str(text: &str) -> Result<Self, HandleError> {
        let number = text.trim().strip_prefix('+').ok_or(HandleError::Phone)?;
        let digits: String =
            number.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '/' | '(' | ')')).collect();
        let fine = (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        if fine { Ok(Self(format!("+{digits}"))) } else { Err(HandleError::Phone) }
    }
}

/// An e-mail address, in lower case.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Email(String);

impl Email {
    /// The whole address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = HandleError;

    /// Reads a dot-atom address of RFC 5321 in ASCII. Case does not count, though the RFC would let it.
    fn from_str(text: &str) -> Result<Self, HandleError> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(HandleError::Email)?;
        let is_atom = |atom: &str| {
            !atom.is_empty()
                && atom
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
        };
        let fine = text.len() <= 254
            && local.len() <= 64
            && local.split('.').all(is_atom)
            && domain.contains('.')
            && is_dns_name(domain);
        if fine { Ok(Self(text.to_ascii_lowercase())) } else { Err(HandleError::Email) }
    }
}

/// A name by which a server finds an account.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Handle {
    /// `@name`.
    Username(Username),
    /// `+15551234567`.
    Phone(Phone),
    /// `name@example.org`.
    Email(Email),
}

impl Handle {
    /// What two handles share that a person could take for each other: for usernames the skeleton of UTS 39 with the
    /// `@`, for the other kinds the handle itself.
    #[must_use]
    pub fn skeleton(&self) -> String {
        match self {
            Self::Username(name) => format!("@{}", name.skeleton()),
            other => other.to_string(),
        }
    }
}

impl FromStr for Handle {
    type Err = HandleError;

    fn from_str(text: &str) -> Result<Self, HandleError> {
        let text = text.trim();
        if let Some(name) = text.strip_prefix('@') {
            return name.parse().map(Self::Username);
        }
        if text.starts_with('+') && !text.contains('@') {
            return text.parse().map(Self::Phone);
        }
        if text.contains('@') { text.parse().map(Self::Email) } else { Err(HandleError::Kind) }
    }
}

impl From<Username> for Handle {
    fn from(name: Username) -> Self {
        Self::Username(name)
    }
}

impl From<Phone> for Handle {
    fn from(phone: Phone) -> Self {
        Self::Phone(phone)
    }
}

impl From<Email> for Handle {
    fn from(email: Email) -> Self {
        Self::Email(email)
    }
}

impl fmt::Display for Handle {
    /// The canonical form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Username(name) => write!(f, "@{}", name.as_str()),
            Self::Phone(phone) => f.write_str(phone.as_str()),
            Self::Email(email) => f.write_str(email.as_str()),
        }
    }
}

/// Handles are personal: `Debug` shows the kind only, so that no log has them.
impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Username(name) => name.fmt(f),
            Self::Phone(phone) => phone.fmt(f),
            Self::Email(email) => email.fmt(f),
        }
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone(..)")
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(..)")
    }
}

/// A handle, and the server that vouches for it where that is not one's own: `@name@chat.example.org`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The handle on that server.
    pub handle: Handle,
    /// The server, or one's own.
    pub server: Option<Host>,
}

impl FromStr for Address {
    type Err = HandleError;

    /// Reads a handle, or a username or phone number with `@server` after it. `name@example.org` is an e-mail address.
    fn from_str(text: &str) -> Result<Self, HandleError> {
        let text = text.trim();
        let at_server = text.char_indices().skip(1).find(|(_, symbol)| *symbol == '@');
        match at_server.and_then(|(at, _)| text.split_at_checked(at)) {
            Some((handle, server)) if handle.starts_with(['@', '+']) => {
                // `+` may begin an e-mail address too, but no phone number has letters.
                let handle = match handle.parse() {
                    Err(HandleError::Phone) => return Ok(Self { handle: text.parse()?, server: None }),
                    handle => handle?,
                };
                let server = server.trim_start_matches('@').parse().map_err(|_| HandleError::Server)?;
                Ok(Self { handle, server: Some(server) })
            }
            _ => Ok(Self { handle: text.parse()?, server: None }),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.handle.fmt(f)?;
        self.server.as_ref().map_or(Ok(()), |server| write!(f, "@{server}"))
    }
}
