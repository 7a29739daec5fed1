//! How a new device and one of an account's make sure of each other, through a server that may be lying.
//!
//! ```text
//!  new device                     server                      device of the account
//!    commitment to its offer ────► keeps it under a code
//!                                     ◄────── the code, as a person typed it
//!                                     ─────── commitment ────►
//!    ◄───────────────────────────── Answer ───────────────────   account, head of its list, nonce
//!    ────────────────────────────── Offer ───────────────────►   keys, name, nonce: what was committed to
//!           both show the six digits of offer and answer, and a person compares them
//!    ◄───────────────────────────── draft of the entry ───────   signed by the device of the account
//!    ────────────────────────────── whole entry ─────────────►   signed by the new one, too; it is appended
//! ```
//!
//! Invariant: nobody in between can choose messages for the digits that they give. What one side is shown of the other depends
//! on a nonce that is still hidden: the offer is committed to before the answer is told, and opened only after it came. One try
//! has one chance in a million, and a person sees it fail.

use std::fmt;
use std::str::FromStr;

use hushwire_types::{AccountId, Entropy, EntryHash, ListNumber, rng};
use sha2::{Digest, Sha256};

use crate::codec::Reader;
use crate::handle::Handle;
use crate::invite::{InviteCode, LinkError};
use crate::keys::PublicKey;
use crate::labels::{hash, message};
use crate::list::{DeviceName, ListHead};
use crate::{Malformed, labels};

const OFFER: [u8; 2] = *b"O\x01";
const ANSWER: [u8; 2] = *b"W\x01";
const COMMITMENT: &str = "hushwire link offer v1";
const DIGITS: u64 = 1_000_000;

/// The code under which a server keeps a new device's commitment for some minutes: 8 symbols, written `K7QF-2M9D`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct LinkCode(InviteCode);

impl LinkCode {
    /// A new random code.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(InviteCode::generate(entropy))
    }
}

impl FromStr for LinkCode {
    type Err = LinkError;

    /// Reads a code as people type it.
    fn from_str(text: &str) -> Result<Self, LinkError> {
        text.parse().map(Self)
    }
}

impl fmt::Display for LinkCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for LinkCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkCode(..)")
    }
}

/// What a new device is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its key for the list and for login.
    pub list_key: PublicKey,
    /// The key of its MLS leaves.
    pub mls_key: PublicKey,
    /// What its owner calls it.
    pub name: DeviceName,
    /// 32 random bytes, new for each try.
    pub nonce: [u8; 32],
}

impl Offer {
    /// `'O' 1 ‖ list key ‖ MLS key ‖ nonce ‖ u8 length ‖ name`.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = OFFER.to_vec();
        out.extend(self.list_key.as_bytes());
        out.extend(self.mls_key.as_bytes());
        out.extend(self.nonce);
        // A name has at most 64 bytes.
        out.push(u8::try_from(self.name.as_str().len()).unwrap_or(u8::MAX));
        out.extend(self.name.as_str().as_bytes());
        out
    }

    /// Reads an offer that must be the one that was committed to.
    ///
    /// # Errors
    /// [`Malformed`] where it is none, or another one: somebody sits in between.
    pub fn open(bytes: &[u8], commitment: &Commitment) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, OFFER, "offer of a new device")?;
        let malformed = reader.malformed();
        if Commitment::to(bytes) != *commitment {
            return Err(malformed);
        }
        let list_key = PublicKey::from_bytes(&reader.array()?).map_err(|_| malformed)?;
        let mls_key = PublicKey::from_bytes(&reader.array()?).map_err(|_| malformed)?;
        let nonce = reader.array()?;
        let name = std::str::from_utf8(reader.short_bytes()?).map_err(|_| malformed)?.parse()?;
        reader.finish()?;
        Ok(Self { list_key, mls_key, name, nonce })
    }
}

/// What fixes an offer without telling it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Commitment(pub [u8; 32]);

impl Commitment {
    /// Of an encoded offer, whose nonce hides it.
    #[must_use]
    pub fn to(offer: &[u8]) -> Self {
        Self(hash(COMMITMENT, offer))
    }
}

/// Which account a new device is to be of.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The account.
    pub account: AccountId,
    /// The head of its list, after which the new device stands.
    pub head: ListHead,
    /// 32 random bytes, new for each try.
    pub nonce: [u8; 32],
    /// The handle by which the account calls itself.
    pub handle: Handle,
}

impl fmt::Debug for Answer {
    /// A handle may be a phone number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("account", &self.account)
            .field("head", &self.head)
            .finish_non_exhaustive()
    }
}

impl Answer {
    /// `'W' 1 ‖ account ‖ number u64 ‖ hash ‖ nonce ‖ u8 length ‖ handle`.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = ANSWER.to_vec();
        out.extend(self.account.as_bytes());
        out.extend(self.head.number.0.to_be_bytes());
        out.extend(self.head.hash.as_bytes());
        out.extend(self.nonce);
        let handle = self.handle.to_string();
        // A handle has at most 254 bytes.
        out.push(u8::try_from(handle.len()).unwrap_or(u8::MAX));
        out.extend(handle.as_bytes());
        out
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// [`Malformed`]
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes, ANSWER, "answer to a new device")?;
        let account = AccountId::new(reader.array()?);
        let number = ListNumber(reader.u64()?);
        let head = ListHead { number, hash: EntryHash::new(reader.array()?) };
        let nonce = reader.array()?;
        let malformed = reader.malformed();
        let handle = std::str::from_utf8(reader.short_bytes()?).map_err(|_| malformed)?;
        let handle = handle.parse().map_err(|_| malformed)?;
        reader.finish()?;
        Ok(Self { account, head, nonce, handle })
    }
}

/// A nonce for an offer or an answer.
#[must_use]
pub fn nonce(entropy: &dyn Entropy) -> [u8; 32] {
    rng::bytes(entropy)
}

/// The six digits that both screens show, as `123 456`.
#[must_use]
pub fn digits(server: &PublicKey, offer: &Offer, answer: &Answer) -> String {
    let parts = [server.as_bytes().as_slice(), &offer.to_bytes(), &answer.to_bytes()];
    let hash: [u8; 32] = Sha256::digest(message(labels::LINK_DIGITS, &parts)).into();
    let first = hash.first_chunk().map_or(0, |eight| u64::from_be_bytes(*eight));
    // Of 2^64 numbers so few are left over that no digits are likelier than others by more than one in 10^13.
    let number = first % DIGITS;
    format!("{:03} {:03}", number / 1000, number % 1000)
}
