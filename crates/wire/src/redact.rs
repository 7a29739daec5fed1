//! Values that a `Debug` must not show: bodies and personal data.
//!
//! Frames are logged and printed by test failures; these two types make that harmless by construction, so no
//! struct needs a `Debug` of its own.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;

/// Bytes that the wire does not look into: an MLS object, a list entry, a genesis. Cheap to clone; `Debug` shows
/// the length alone.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Opaque(Bytes);

impl Opaque {
    /// These bytes.
    #[must_use]
    pub const fn new(bytes: Bytes) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, shared and not copied.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl Deref for Opaque {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Opaque {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Bytes> for Opaque {
    fn from(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl From<Vec<u8>> for Opaque {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<&[u8]> for Opaque {
    fn from(bytes: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(bytes))
    }
}

impl From<Opaque> for Bytes {
    fn from(opaque: Opaque) -> Self {
        opaque.0
    }
}

impl From<Opaque> for Vec<u8> {
    fn from(opaque: Opaque) -> Self {
        opaque.0.into()
    }
}

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opaque({} bytes)", self.0.len())
    }
}

/// Text that says who somebody is or lets somebody in (a handle, an invite code, an OTP), or that a person wrote.
/// `Debug` shows nothing of it, and there is no `Display`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Sensitive(String);

impl Sensitive {
    /// This text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for use; never for a log.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Sensitive {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Sensitive {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Sensitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sensitive(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opaque_bytes_are_the_same_whichever_way_they_come_and_go() {
        let bytes = b"one object".as_slice();
        let all = [Opaque::new(Bytes::from_static(b"one object")), bytes.into(), bytes.to_vec().into()];
        for opaque in all {
            assert_eq!(opaque.as_slice(), bytes);
            assert_eq!(format!("{opaque:?}"), "Opaque(10 bytes)");
            assert_eq!(&*opaque, bytes);
            assert_eq!(opaque.as_ref(), bytes);
            assert_eq!(Opaque::from(Bytes::from(opaque.clone())), opaque);
            assert_eq!(Vec::from(opaque.clone()), bytes);
            assert_eq!(opaque.into_bytes(), bytes);
        }
    }

    #[test]
    fn sensitive_text_comes_back_on_request_alone() {
        let all = [Sensitive::new("alice"), "alice".into(), "alice".to_owned().into()];
        assert!(all.iter().all(|text| text.expose() == "alice"));
        assert_eq!(format!("{all:?}"), "[Sensitive(..), Sensitive(..), Sensitive(..)]");
    }
}
