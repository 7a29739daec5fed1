//! One-time codes.

use std::fmt;
use std::str::FromStr;

use hushwire_types::{Entropy, Secret, rng};
use zeroize::Zeroize;

const LEAST: u32 = 100_000;
const MOST: u32 = 999_999;

/// Six digits, the first of them not 0. Wiped on drop, compared in constant time, hidden from `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Otp(Secret<4>);

/// Not a one-time code: give six digits, the first of them not 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a code of six digits")]
pub struct InvalidOtp;

impl Otp {
    /// A new one.
    #[must_use]
    pub fn draw(entropy: &dyn Entropy) -> Self {
        let above = rng::below(entropy, u64::from(MOST - LEAST) + 1);
        Self(Secret::new(LEAST.saturating_add(u32::try_from(above).unwrap_or_default()).to_be_bytes()))
    }

    /// The code of this number.
    ///
    /// # Errors
    /// [`InvalidOtp`]
    pub fn new(number: u32) -> Result<Self, InvalidOtp> {
        if (LEAST..=MOST).contains(&number) {
            Ok(Self(Secret::new(number.to_be_bytes())))
        } else {
            Err(InvalidOtp)
        }
    }

    /// As on the wire, big-endian.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 4] {
        self.0.expose()
    }

    /// Six ASCII digits, for whoever brings the code to a person.
    #[must_use]
    pub fn digits(&self) -> Secret<6> {
        let mut number = u32::from_be_bytes(*self.expose());
        let mut digits = [b'0'; 6];
        for digit in digits.iter_mut().rev() {
            *digit = digit.saturating_add(u8::try_from(number % 10).unwrap_or_default());
            number /= 10;
        }
        let secret = Secret::new(digits);
        digits.zeroize();
        secret
    }
}

impl FromStr for Otp {
    type Err = InvalidOtp;

    fn from_str(text: &str) -> Result<Self, InvalidOtp> {
        let plain = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
        Self::new(text.parse().ok().filter(|_| plain).ok_or(InvalidOtp)?)
    }
}

impl fmt::Debug for Otp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Otp(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hushwire_types::OsEntropy;

    #[test]
    fn a_code_has_six_digits_and_both_forms_agree() {
        for _ in 0..100 {
            let otp = Otp::draw(&OsEntropy);
            let digits = String::from_utf8(otp.digits().expose().to_vec()).unwrap();
            assert_eq!(digits.parse(), Ok(otp));
        }
    }

    #[test]
    fn what_is_no_code_is_refused() {
        assert_eq!(Otp::new(99_999), Err(InvalidOtp));
        assert_eq!(Otp::new(1_000_000), Err(InvalidOtp));
        for text in ["", "12345", "1234567", "+12345", "012345", "12 456"] {
            assert_eq!(text.parse::<Otp>(), Err(InvalidOtp), "{text:?}");
        }
    }
}
