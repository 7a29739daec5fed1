//! Phones: who somebody is in wire version 1.

use std::fmt;
use std::str::FromStr;

/// Bytes of a phone on the wire.
pub const BYTES: usize = 10;

/// One to ten digits. `Debug` does not show them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone([u8; BYTES]);

/// Not a phone: give one to ten digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a phone number of one to ten digits")]
pub struct InvalidPhone;

impl Phone {
    /// Reads the ten bytes of the wire: ASCII digits, padded with NUL on the right.
    ///
    /// # Errors
    /// [`InvalidPhone`]
    pub fn from_wire(bytes: [u8; BYTES]) -> Result<Self, InvalidPhone> {
        let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let padding = bytes.iter().skip(digits).all(|byte| *byte == 0);
        if digits == 0 || !padding { Err(InvalidPhone) } else { Ok(Self(bytes)) }
    }

    /// The ten bytes of the wire.
    #[must_use]
    pub const fn to_wire(self) -> [u8; BYTES] {
        self.0
    }
}

impl FromStr for Phone {
    type Err = InvalidPhone;

    fn from_str(text: &str) -> Result<Self, InvalidPhone> {
        let mut bytes = [0; BYTES];
        bytes.get_mut(..text.len()).ok_or(InvalidPhone)?.copy_from_slice(text.as_bytes());
        // Digits alone: padding is the wire's business.
        if text.contains('\0') { Err(InvalidPhone) } else { Self::from_wire(bytes) }
    }
}

impl TryFrom<&[u8]> for Phone {
    type Error = InvalidPhone;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidPhone> {
        Self::from_wire(bytes.try_into().map_err(|_| InvalidPhone)?)
    }
}

/// The digits.
impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.iter().take_while(|byte| **byte != 0);
        digits.map(|byte| char::from(*byte)).try_for_each(|digit| fmt::Write::write_char(f, digit))
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_is_padded_on_the_right_only() {
        let phone: Phone = "050123".parse().unwrap();
        assert_eq!(&phone.to_wire(), b"050123\0\0\0\0");
        assert_eq!(Phone::from_wire(phone.to_wire()), Ok(phone));
        assert_eq!(phone.to_string(), "050123");
    }

    #[test]
    fn what_is_no_phone_is_refused() {
        for text in ["", "+05012345", "050 1234", "05012345678", "05\0", "٠٥٠"] {
            assert_eq!(text.parse::<Phone>(), Err(InvalidPhone), "{text:?}");
        }
        for bytes in [*b"\0\0\0\0\0\0\0\0\0\0", *b"05\x000501234", *b"\x0001234567\0", *b"050123456x"] {
            assert_eq!(Phone::from_wire(bytes), Err(InvalidPhone));
        }
    }
}
