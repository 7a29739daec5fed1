//! The server's key for keyed hashes: of OTPs in the store, of handles and addresses in limits.
//!
//! Six digits and phone numbers are guessed in no time from a plain hash. With a key that is not in the database, a stolen
//! database says nothing about either.

use std::net::IpAddr;

use hmac::{Hmac, KeyInit, Mac};
use hushwire_identity::{Handle, InviteCode};
use hushwire_types::{Secret, SessionId};
use sha2::Sha256;

/// 32 random bytes, made at the first start and kept beside the server's identity, not in its database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pepper(Secret<32>);

impl Pepper {
    /// The pepper of these bytes.
    #[must_use]
    pub const fn new(key: Secret<32>) -> Self {
        Self(key)
    }

    /// What the store keeps of an OTP: bound to its session, so that equal codes differ.
    pub(crate) fn otp(&self, session: &SessionId, code: &[u8]) -> [u8; 32] {
        self.hash("hushwire otp v1", &[session.as_ref(), code])
    }

    /// What the store keeps of an invite's code.
    pub(crate) fn invite(&self, code: &InviteCode) -> [u8; 32] {
        self.hash("hushwire invite v1", &[code.to_string().as_bytes()])
    }

    /// A handle as a limit's key.
    pub(crate) fn handle(&self, handle: &Handle) -> [u8; 32] {
        self.hash("hushwire limit handle v1", &[handle.to_string().as_bytes()])
    }

    /// What a handle shares with its neighbours: the first digits of a number, the domain of an address.
    pub(crate) fn prefix(&self, handle: &Handle) -> [u8; 32] {
        let text = handle.to_string();
        let prefix: String = match handle {
            Handle::Phone(_) => text.chars().take(6).collect(),
            Handle::Email(_) => text.chars().skip_while(|symbol| *symbol != '@').collect(),
            Handle::Username(_) => String::new(),
        };
        self.hash("hushwire limit prefix v1", &[prefix.as_bytes()])
    }

    /// An address as a limit's key. Of IPv6 the first 64 bits: whoever has one address there has them all.
    pub(crate) fn address(&self, address: IpAddr) -> [u8; 32] {
        self.hash("hushwire limit address v1", &[&network(address)])
    }

    /// A name in another protocol as a limit's key.
    pub(crate) fn elsewhere(&self, name: &str) -> [u8; 32] {
        self.hash("hushwire limit elsewhere v1", &[name.as_bytes()])
    }

    fn hash(&self, label: &str, parts: &[&[u8]]) -> [u8; 32] {
        // HMAC takes keys of every length, so there is no key that it refuses.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.expose()) else { return [0; 32] };
        for part in std::iter::once(&label.as_bytes()).chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

fn network(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V4(four) => four.octets().to_vec(),
        IpAddr::V6(six) => six.octets().into_iter().take(8).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pepper() -> Pepper {
        Pepper::new(Secret::new([7; 32]))
    }

    #[test]
    fn equal_codes_of_two_sessions_have_different_hashes() {
        let (one, two) = (SessionId::new([1; 16]), SessionId::new([2; 16]));
        assert_ne!(pepper().otp(&one, b"123456"), pepper().otp(&two, b"123456"));
        assert_eq!(pepper().otp(&one, b"123456"), pepper().otp(&one, b"123456"));
    }

    #[test]
    fn neighbours_share_a_prefix() {
        let key = |text: &str| pepper().prefix(&text.parse().unwrap());
        assert_eq!(key("+15551234567"), key("+15551999999"));
        assert_ne!(key("+15551234567"), key("+4930123456"));
        assert_eq!(key("a@example.org"), key("b@example.org"));
        assert_ne!(key("a@example.org"), key("a@example.net"));
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let key = |text: &str| pepper().address(text.parse().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_eq!(key("::ffff:192.0.2.1"), key("192.0.2.1"));
    }

    #[test]
    fn no_two_names_and_no_two_kinds_of_them_have_one_hash() {
        let (one, other) = ("@alice".parse().unwrap(), "@bob".parse().unwrap());
        let (code, invite) = ("K7QF-2M9D".parse().unwrap(), "K7QF-2M9E".parse().unwrap());
        let all = [
            pepper().otp(&SessionId::new([1; 16]), b"123456"),
            pepper().otp(&SessionId::new([1; 16]), b"123457"),
            pepper().invite(&code),
            pepper().invite(&invite),
            pepper().handle(&one),
            pepper().handle(&other),
            pepper().elsewhere("@alice"),
            pepper().elsewhere("@bob"),
            Pepper::new(Secret::new([8; 32])).elsewhere("@bob"),
        ];
        assert_eq!(all.iter().collect::<std::collections::HashSet<_>>().len(), all.len());
    }
}
