//! Usernames, and which of them look alike (Unicode Technical Standard 39).

use std::fmt;
use std::str::FromStr;

use unicode_normalization::UnicodeNormalization;
use unicode_security::confusable_detection::skeleton;
use unicode_security::{GeneralSecurityProfile, MixedScript};

use super::HandleError;

const MIN_CHARS: usize = 2;
const MAX_CHARS: usize = 32;

/// A username in canonical form, without the `@`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Username(String);

impl Username {
    /// The canonical form, without the `@`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The skeleton of UTS 39, section 4: two usernames with the same one can be taken for each other, so a server
    /// gives out only one of them.
    #[must_use]
    pub fn skeleton(&self) -> String {
        // Prototypes may be capitals; folding again makes `0` and `o` the same for the reader of lower-case names.
        fold(&skeleton(&self.0).collect::<String>())
    }
}

impl FromStr for Username {
    type Err = HandleError;

    /// Reads a username, with or without its `@`.
    fn from_str(text: &str) -> Result<Self, HandleError> {
        let text = text.trim();
        let text = text.strip_prefix('@').unwrap_or(text);
        // Longer texts are refused before any work is spent on them: NFKC makes one character of at most 18 others.
        if text.chars().count() > MAX_CHARS * 18 {
            return Err(HandleError::UsernameLength);
        }
        let name = fold(text);
        if let Some(bad) = name.chars().find(|symbol| !is_allowed(*symbol)) {
            return Err(HandleError::UsernameCharacter(bad));
        }
        if !(MIN_CHARS..=MAX_CHARS).contains(&name.chars().count()) {
            return Err(HandleError::UsernameLength);
        }
        if name.starts_with(is_punctuation) || name.ends_with(is_punctuation) {
            return Err(HandleError::UsernameEnds);
        }
        if !name.is_single_script() {
            return Err(HandleError::MixedScripts);
        }
        Ok(Self(name))
    }
}

/// NFKC and lower case until nothing changes, with the final sigma as any sigma.
fn fold(text: &str) -> String {
    let mut folded: String = text.to_owned();
    // Two rounds reach the fixed point for all of Unicode today; the bound is for the day when they do not.
    for _ in 0..4 {
        let lower = folded.nfkc().flat_map(char::to_lowercase).map(|c| if c == 'ς' { 'σ' } else { c });
        let next: String = lower.nfkc().collect();
        if next == folded {
            break;
        }
        folded = next;
    }
    folded
}

const fn is_punctuation(symbol: char) -> bool {
    matches!(symbol, '.' | '_' | '-')
}

/// Letters and marks that UTS 39 recommends for identifiers, ASCII digits (other digits look like letters), `._-`.
fn is_allowed(symbol: char) -> bool {
    let letter = symbol.is_alphabetic() && symbol.identifier_allowed();
    letter || symbol.is_ascii_digit() || is_punctuation(symbol)
}

/// Names are personal, so no log has them.
impl fmt::Debug for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Username(..)")
    }
}
