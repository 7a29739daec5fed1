//! What a group is called, as its members alone read it (rule R5).

use std::fmt;

use hushwire_types::Secret;
use prost::Message as _;

use crate::content::Invalid;
use crate::{DecodeError, PictureHash, limits, padding, proto};

/// Name, description and picture of a group. Untrusted text, the first two.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct GroupDetails {
    /// Its name; empty for none.
    pub name: String,
    /// Its description; empty for none.
    pub description: String,
    /// The secret of its invite link.
    pub link: Option<Secret<16>>,
    /// Which picture it has.
    pub picture: Option<PictureHash>,
}

impl GroupDetails {
    /// The padded bytes, to be encrypted.
    ///
    /// # Errors
    /// Names the field that is over its limit.
    pub fn encode_padded(&self) -> Result<Vec<u8>, Invalid> {
        self.check()?;
        let link = self.link.as_ref().map(|link| link.expose().to_vec()).unwrap_or_default();
        let (name, description) = (self.name.clone(), self.description.clone());
        let picture = self.picture.map(Vec::from).unwrap_or_default();
        let proto = proto::GroupDetails { name, description, link, picture };
        padding::pad(&proto.encode_to_vec()).ok_or(Invalid::too_large("details"))
    }

    /// Reads what [`GroupDetails::encode_padded`] wrote. Fields of newer versions are passed over.
    ///
    /// # Errors
    /// See [`DecodeError`].
    pub fn decode(padded: &[u8]) -> Result<Self, DecodeError> {
        let bytes = padding::unpad(padded).ok_or(DecodeError::NotPadded)?;
        let proto::GroupDetails { name, description, link, picture } =
            proto::GroupDetails::decode(bytes).map_err(|_| DecodeError::NotAContent)?;
        // One that is damaged is none: the name is worth more.
        let (link, picture) = (Secret::try_from(link.as_slice()).ok(), picture.try_into().ok());
        let details = Self { name, description, link, picture };
        details.check()?;
        Ok(details)
    }

    fn check(&self) -> Result<(), Invalid> {
        if self.name.chars().count() > limits::GROUP_NAME_CHARS {
            return Err(Invalid::too_large("name"));
        }
        if self.description.chars().count() > limits::GROUP_DESCRIPTION_CHARS {
            return Err(Invalid::too_large("description"));
        }
        Ok(())
    }
}

impl fmt::Debug for GroupDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GroupDetails({} bytes)", self.name.len() + self.description.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(name: usize, description: usize) -> GroupDetails {
        let (link, picture) = (Some(Secret::new([7; 16])), Some([8; 32]));
        GroupDetails { name: "é".repeat(name), description: "😀".repeat(description), link, picture }
    }

    #[test]
    fn the_longest_details_survive_and_their_length_says_little() {
        for details in [details(0, 0), details(5, 0), details(64, 500)] {
            let bytes = details.encode_padded().unwrap();
            assert_eq!(GroupDetails::decode(&bytes).unwrap(), details);
            assert!(padding::BUCKETS.contains(&bytes.len()) && bytes.len() <= 4096);
        }
    }

    #[test]
    fn what_is_over_a_limit_is_neither_written_nor_read() {
        for (details, field) in [(details(65, 0), "name"), (details(0, 501), "description")] {
            assert_eq!(details.encode_padded(), Err(Invalid::too_large(field)));
            let (name, description) = (details.name, details.description);
            let proto = proto::GroupDetails { name, description, ..proto::GroupDetails::default() };
            let bytes = padding::pad(&proto.encode_to_vec()).unwrap();
            assert_eq!(GroupDetails::decode(&bytes), Err(Invalid::too_large(field).into()));
        }
        assert_eq!(GroupDetails::decode(&[]), Err(DecodeError::NotPadded));
    }

    #[test]
    fn debug_shows_no_name() {
        assert!(!format!("{:?}", details(3, 3)).contains('é'));
    }
}
