//! The safety number of two accounts: what two people compare to know that no server stands between them.
//!
//! Sixty digits in twelve groups: group i is bytes 5i to 5i+4 of
//! SHA-512("hushwire safety number v1" ‖ lower account id ‖ higher account id), big-endian, modulo 100,000. To make two
//! pairs of accounts with the same number takes about 2^100 account ids. The QR code carries both ids themselves.

use std::fmt;

use hushwire_types::AccountId;
use hushwire_types::id::{base32, from_base32};
use sha2::{Digest, Sha512};

const QR_PREFIX: &str = "HUSHWIRE:1:";

/// The safety number of two accounts, the same seen from either side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SafetyNumber {
    low: AccountId,
    high: AccountId,
}

impl SafetyNumber {
    /// The number of these two accounts, in any order.
    #[must_use]
    pub fn of(one: AccountId, other: AccountId) -> Self {
        Self { low: one.min(other), high: one.max(other) }
    }

    /// Twelve groups of five digits.
    #[must_use]
    pub fn groups(&self) -> [String; 12] {
        let hash = Sha512::new()
            .chain_update("hushwire safety number v1")
            .chain_update(self.low)
            .chain_update(self.high)
            .finalize();
        let mut chunks = hash.chunks_exact(5);
        std::array::from_fn(|_| {
            let chunk = chunks.next().unwrap_or_default();
            let value = chunk.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
            format!("{:05}", value % 100_000)
        })
    }

    /// All sixty digits without spaces.
    #[must_use]
    pub fn digits(&self) -> String {
        self.groups().concat()
    }

    /// Whether `text`, typed or pasted by a person, is this number: spaces and other separators do not count.
    #[must_use]
    pub fn matches_digits(&self, text: &str) -> bool {
        let typed: String = text.chars().filter(|c| !crate::crockford::is_separator(*c)).collect();
        typed == self.digits()
    }

    /// The text of the QR code, of symbols that a QR code packs well.
    #[must_use]
    pub fn qr_payload(&self) -> String {
        let ids = [*self.low.as_bytes(), *self.high.as_bytes()].concat();
        format!("{QR_PREFIX}{}", base32(&ids).to_ascii_uppercase())
    }

    /// Whether a scanned QR code carries the same two accounts.
    #[must_use]
    pub fn matches_qr(&self, scanned: &str) -> bool {
        let ids = scanned.trim().strip_prefix(QR_PREFIX).and_then(from_base32);
        ids.is_some_and(|ids| ids == [*self.low.as_bytes(), *self.high.as_bytes()].concat())
    }
}

impl fmt::Display for SafetyNumber {
    /// The groups with a space between.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.groups().join(" "))
    }
}
