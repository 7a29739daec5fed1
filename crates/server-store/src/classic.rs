//! Accounts and messages of wire version 1, the original program's protocol. They never touch those of the current one.
//!
//! A message waits until it is acknowledged, as long as that takes: its sender was told that it is kept. What has no room is
//! refused instead. The digests of messages are remembered for longer than the messages, so that one that is sent again, by
//! a client that saw no answer or by somebody else, is stored once.

use bytes::Bytes;
use hushwire_types::Timestamp;

/// A phone as it is on the wire: ten bytes, digits and NUL. `Debug` does not show it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassicPhone(pub [u8; 10]);

impl std::fmt::Debug for ClassicPhone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClassicPhone(..)")
    }
}

impl TryFrom<&[u8]> for ClassicPhone {
    type Error = std::array::TryFromSliceError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self)
    }
}

/// Number of a stored message; never given twice, ascending in the order of storing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassicId(pub u64);

/// Public keys with the server's signatures over them, made once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassicKeys {
    /// X25519, raw.
    pub dh: [u8; 32],
    /// RSA, as the text that was signed.
    pub rsa: Bytes,
    /// Over the DH key.
    pub dh_signature: Bytes,
    /// Over the RSA key's text.
    pub rsa_signature: Bytes,
}

/// Asks whether a phone may register: nobody has, and not too many wrong codes were given for it within a day. Answers
/// [`Written::Done`](crate::Written::Done).
#[derive(Debug, Clone, Copy)]
pub struct BeginClassic {
    /// The phone.
    pub phone: ClassicPhone,
}

/// Counts a wrong code. Answers [`Written::Done`](crate::Written::Done).
#[derive(Debug, Clone, Copy)]
pub struct CountClassicGuess {
    /// The phone that it was given for.
    pub phone: ClassicPhone,
}

/// Makes an account. With the same keys again nothing changes, with others it is refused: keys are set once. Answers
/// [`Written::Done`](crate::Written::Done).
#[derive(Debug, Clone)]
pub struct CreateClassic {
    /// Who.
    pub phone: ClassicPhone,
    /// Its keys.
    pub keys: ClassicKeys,
}

/// Stores a message until it is acknowledged. Answers [`Written::ClassicStored`](crate::Written::ClassicStored).
#[derive(Debug, Clone)]
pub struct StoreClassic {
    /// Who it is for.
    pub recipient: ClassicPhone,
    /// Who it is from.
    pub sender: ClassicPhone,
    /// A hash of recipient, sender and message, by which a repeat is known.
    pub digest: [u8; 32],
    /// The message.
    pub blob: Bytes,
}

/// What came of storing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClassicStored {
    /// It waits now.
    New,
    /// It was stored before; whether it still waits or was read is not told.
    Before,
}

/// Deletes a message that was read and asks for the next one of its sender. Answers
/// [`Written::ClassicNext`](crate::Written::ClassicNext).
#[derive(Debug, Clone, Copy)]
pub struct AcknowledgeClassic {
    /// Who has read it.
    pub recipient: ClassicPhone,
    /// Who it was from.
    pub sender: ClassicPhone,
    /// Which one; none where only the next one is asked for. One that is not the recipient's from that sender stays.
    pub read: Option<ClassicId>,
}

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassicMessage {
    /// Its number.
    pub id: ClassicId,
    /// Who it is from.
    pub sender: ClassicPhone,
    /// The message.
    pub blob: Bytes,
}

/// How much waits for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClassicWaiting {
    /// Messages.
    pub messages: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// How an account stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassicAccount {
    /// Its keys.
    pub keys: ClassicKeys,
    /// What waits for it.
    pub waiting: ClassicWaiting,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Under which wrong codes of a phone are counted, apart from the handles of the current protocol.
#[must_use]
pub fn guess_key(phone: ClassicPhone) -> String {
    let digits = phone.0.iter().take_while(|byte| **byte != 0).map(|byte| char::from(*byte));
    std::iter::once("classic:".to_owned()).chain(digits.map(String::from)).collect()
}
