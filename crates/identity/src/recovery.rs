//! The recovery key of an account, and the text of it that a person writes down.
//!
//! The text is 56 symbols of Crockford's base32 in 14 groups of 4: the 32 bytes of the seed and the first 3 bytes of
//! SHA-256("hushwire recovery text v1" ‖ seed), so that a slip of the pen is noticed (all but one in 16 million).

use std::fmt;
use std::sync::LazyLock;

use data_encoding::{BitOrder, Encoding, Specification};
use hushwire_types::{Entropy, Secret};
use zeroize::Zeroizing;

use crate::crockford;
use crate::keys::{KeyPair, PublicKey, Signature};
use crate::labels::{self, Label};

const LABEL: &str = "hushwire recovery text v1";
const SYMBOLS: usize = 56;
const CHECKSUM_LEN: usize = 3;

static ENCODING: LazyLock<Option<Encoding>> = LazyLock::new(|| {
    let mut spec = Specification::new();
    spec.symbols.push_str(crockford::ALPHABET);
    spec.bit_order = BitOrder::MostSignificantFirst;
    spec.encoding().ok()
});

/// Why a text is no recovery key. The sentences are for the person who typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecoveryTextError {
    /// A character that no recovery key has; ask again.
    #[error("a recovery key has no {0:?}")]
    Character(char),
    /// Characters are missing or too many; ask again.
    #[error("a recovery key has {SYMBOLS} letters and digits, this has {0}")]
    Length(usize),
    /// The right form, but a character is another one; ask again.
    #[error("this recovery key has a typing error")]
    Checksum,
}

/// The key that outranks every device of the account.
#[derive(Clone)]
pub struct RecoveryKey(KeyPair);

impl RecoveryKey {
    /// A new key.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(KeyPair::generate(entropy))
    }

    /// The key that grows from a seed.
    #[must_use]
    pub fn from_seed(seed: &Secret<32>) -> Self {
        Self(KeyPair::from_seed(seed))
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> Secret<32> {
        self.0.seed()
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> PublicKey {
        self.0.public()
    }

    /// The text for a person to write down, 14 groups of 4; shown once, never stored.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        text_of(&self.seed(), LABEL)
    }

    /// Reads a text that a person typed: either case, any spaces and hyphens, O for 0 and I or L for 1.
    ///
    /// # Errors
    /// [`RecoveryTextError`], to be shown.
    pub fn from_text(text: &str) -> Result<Self, RecoveryTextError> {
        seed_of(text, LABEL).map(|seed| Self::from_seed(&seed))
    }

    pub(crate) fn sign(&self, label: Label, parts: &[&[u8]]) -> Signature {
        self.0.sign(label, parts)
    }
}

/// 32 bytes as a person writes them down; the label keeps one kind of key from being taken for another.
pub(crate) fn text_of(seed: &Secret<32>, label: &str) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new(seed.expose().to_vec());
    bytes.extend(checksum(seed, label));
    let symbols = ENCODING.as_ref().map(|encoding| encoding.encode(&bytes)).unwrap_or_default();
    Zeroizing::new(crockford::grouped(&Zeroizing::new(symbols)))
}

/// The bytes of what a person typed.
pub(crate) fn seed_of(text: &str, label: &str) -> Result<Secret<32>, RecoveryTextError> {
    let mut symbols = Zeroizing::new(String::with_capacity(SYMBOLS));
    let mut count = 0;
    for typed in text.chars().filter(|symbol| !crockford::is_separator(*symbol)) {
        let symbol = crockford::normal(typed).ok_or(RecoveryTextError::Character(typed))?;
        count += 1;
        if count <= SYMBOLS {
            symbols.push(symbol);
        }
    }
    if count != SYMBOLS {
        return Err(RecoveryTextError::Length(count));
    }
    let bytes = ENCODING.as_ref().and_then(|encoding| encoding.decode(symbols.as_bytes()).ok());
    let bytes = Zeroizing::new(bytes.unwrap_or_default());
    let (seed, check) = bytes.split_first_chunk::<32>().ok_or(RecoveryTextError::Checksum)?;
    let seed = Secret::new(*seed);
    if check != checksum(&seed, label) {
        return Err(RecoveryTextError::Checksum);
    }
    Ok(seed)
}

fn checksum(seed: &Secret<32>, label: &str) -> [u8; CHECKSUM_LEN] {
    let hash = labels::hash(label, seed.expose());
    std::array::from_fn(|at| hash.get(at).copied().unwrap_or_default())
}

impl fmt::Debug for RecoveryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryKey(..)")
    }
}
