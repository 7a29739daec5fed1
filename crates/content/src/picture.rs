//! A small picture of somebody or of a group, as it travels and is kept. Nothing here looks at what it shows.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::content::{Invalid, fixed};
use crate::{limits, proto};

/// A JPEG of at most [`limits::PICTURE_BYTES`], by its first and last bytes. Whether the rest can be shown, whoever shows it finds out.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture(Vec<u8>);

/// SHA-256 of a picture.
pub type PictureHash = [u8; 32];

impl Picture {
    /// The picture that these bytes are.
    ///
    /// # Errors
    /// [`Invalid::TooLarge`], or [`Invalid::Value`] for what is no JPEG.
    pub fn new(bytes: Vec<u8>) -> Result<Self, Invalid> {
        if bytes.len() > limits::PICTURE_BYTES {
            return Err(Invalid::too_large("picture"));
        }
        let is_jpeg = bytes.starts_with(&[0xff, 0xd8, 0xff]) && bytes.ends_with(&[0xff, 0xd9]);
        if is_jpeg { Ok(Self(bytes)) } else { Err(Invalid::Value { field: "picture" }) }
    }

    /// None for no bytes.
    pub(crate) fn read(bytes: Vec<u8>) -> Result<Option<Self>, Invalid> {
        if bytes.is_empty() { Ok(None) } else { Self::new(bytes).map(Some) }
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Its bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// What a group's details have of it.
    #[must_use]
    pub fn hash(&self) -> PictureHash {
        Sha256::digest(&self.0).into()
    }
}

/// What devices of one account tell each other of pictures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pictures {
    /// Those that the author lacks, at most [`limits::PICTURES_WANTED`].
    pub wanted: Vec<PictureHash>,
    /// Those that another device asked for, at most [`limits::PICTURES_SHOWN`].
    pub shown: Vec<Picture>,
}

impl Pictures {
    pub(crate) fn from_proto(proto: proto::Pictures) -> Result<Self, Invalid> {
        if proto.wanted.len() > limits::PICTURES_WANTED {
            return Err(Invalid::too_large("wanted"));
        }
        if proto.shown.len() > limits::PICTURES_SHOWN {
            return Err(Invalid::too_large("shown"));
        }
        let wanted = proto.wanted.iter().map(|hash| fixed("wanted", hash));
        Ok(Self {
            wanted: wanted.collect::<Result<_, _>>()?,
            shown: proto.shown.into_iter().map(Picture::new).collect::<Result<_, _>>()?,
        })
    }

    pub(crate) fn to_proto(&self) -> proto::Pictures {
        proto::Pictures {
            wanted: self.wanted.iter().map(|hash| hash.to_vec()).collect(),
            shown: self.shown.iter().map(|picture| picture.as_bytes().to_vec()).collect(),
        }
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_large_or_no_jpeg_is_refused() {
        let of = |length: usize| {
            let mut bytes = vec![0; length];
            bytes[..3].copy_from_slice(&[0xff, 0xd8, 0xff]);
            bytes[length - 2..].copy_from_slice(&[0xff, 0xd9]);
            bytes
        };
        assert!(Picture::new(of(limits::PICTURE_BYTES)).is_ok());
        assert_eq!(Picture::new(of(limits::PICTURE_BYTES + 1)), Err(Invalid::too_large("picture")));
        assert_eq!(Picture::new(b"\x89PNG\r\n".to_vec()), Err(Invalid::Value { field: "picture" }));
        assert_eq!(Picture::new(of(9)[..8].to_vec()), Err(Invalid::Value { field: "picture" }));
        assert_eq!(format!("{:?}", Picture::new(of(9)).unwrap()), "Picture(9 bytes)");
    }
}
