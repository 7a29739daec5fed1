//! From generated fields to validated ones: the checks that all messages share.

use bytes::Bytes;
use hushwire_types::Timestamp;

use crate::redact::{Opaque, Sensitive};

/// A validated message and its generated twin.
pub(crate) trait Message: Sized {
    /// The generated type.
    type Proto: Clone;

    /// Checks everything that the type and [`crate::limits`] promise.
    fn from_proto(proto: Self::Proto) -> Result<Self, Invalid>;

    /// The generated form. It is checked by [`Message::from_proto`] before it is encoded.
    fn to_proto(&self) -> Self::Proto;
}

/// A field that does not hold what the message promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field} {fault}")]
pub struct Invalid {
    /// The field's name in the schema.
    pub field: &'static str,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What can be wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It is required and absent or empty.
    #[error("is missing")]
    Missing,
    /// It is not of its fixed length.
    #[error("has a wrong length")]
    Length,
    /// It is over its limit in [`crate::limits`].
    #[error("is over its limit")]
    TooLarge,
    /// It is outside its range, in the wrong order or not written as the schema says.
    #[error("has a value that is not allowed")]
    Value,
}

pub(crate) const fn invalid(field: &'static str, fault: Fault) -> Invalid {
    Invalid { field, fault }
}

pub(crate) fn require(holds: bool, field: &'static str, fault: Fault) -> Result<(), Invalid> {
    if holds { Ok(()) } else { Err(invalid(field, fault)) }
}

/// An id or a fixed array.
pub(crate) fn id<'a, T: TryFrom<&'a [u8]>>(field: &'static str, bytes: &'a [u8]) -> Result<T, Invalid> {
    require(!bytes.is_empty(), field, Fault::Missing)?;
    T::try_from(bytes).map_err(|_| invalid(field, Fault::Length))
}

/// An id that may be absent, which is written as empty.
pub(crate) fn optional_id<'a, T: TryFrom<&'a [u8]>>(
    field: &'static str,
    bytes: &'a [u8],
) -> Result<Option<T>, Invalid> {
    if bytes.is_empty() { Ok(None) } else { id(field, bytes).map(Some) }
}

/// Opaque bytes, at least one.
pub(crate) fn opaque(field: &'static str, bytes: Bytes, max: usize) -> Result<Opaque, Invalid> {
    optional_opaque(field, bytes, max)?.ok_or(invalid(field, Fault::Missing))
}

/// Opaque bytes that may be absent, which is written as empty.
pub(crate) fn optional_opaque(
    field: &'static str,
    bytes: Bytes,
    max: usize,
) -> Result<Option<Opaque>, Invalid> {
    require(bytes.len() <= max, field, Fault::TooLarge)?;
    Ok(if bytes.is_empty() { None } else { Some(Opaque::new(bytes)) })
}

/// A list of opaque bytes.
pub(crate) fn opaques(
    field: &'static str,
    list: Vec<Bytes>,
    max_count: usize,
    max_bytes: usize,
) -> Result<Vec<Opaque>, Invalid> {
    require(list.len() <= max_count, field, Fault::TooLarge)?;
    list.into_iter().map(|bytes| opaque(field, bytes, max_bytes)).collect()
}

/// Text for a person, which may be empty.
pub(crate) fn text(field: &'static str, text: String, max: usize) -> Result<String, Invalid> {
    require(text.len() <= max, field, Fault::TooLarge)?;
    Ok(text)
}

/// Text that identifies: at least one character, none of them a control character.
pub(crate) fn sensitive(field: &'static str, text: String, max: usize) -> Result<Sensitive, Invalid> {
    optional_sensitive(field, text, max)?.ok_or(invalid(field, Fault::Missing))
}

/// The same, absent where empty.
pub(crate) fn optional_sensitive(
    field: &'static str,
    text: String,
    max: usize,
) -> Result<Option<Sensitive>, Invalid> {
    require(text.len() <= max, field, Fault::TooLarge)?;
    require(!text.chars().any(char::is_control), field, Fault::Value)?;
    Ok(if text.is_empty() { None } else { Some(Sensitive::new(text)) })
}

/// What a person wrote, lines and all, which may be empty.
pub(crate) fn words(field: &'static str, text: String, max: usize) -> Result<Sensitive, Invalid> {
    require(text.len() <= max, field, Fault::TooLarge)?;
    Ok(Sensitive::new(text))
}

/// A counter that starts at 1.
pub(crate) fn positive(field: &'static str, number: u64) -> Result<u64, Invalid> {
    require(number != 0, field, Fault::Missing)?;
    Ok(number)
}

/// A time that may be absent, which is written as 0.
pub(crate) fn optional_time(ms: u64) -> Option<Timestamp> {
    (ms != 0).then(|| Timestamp::from_ms(ms))
}

/// The bytes of an id, to be written.
pub(crate) fn bytes(id: impl AsRef<[u8]>) -> Bytes {
    Bytes::copy_from_slice(id.as_ref())
}

/// The bytes of an optional id, empty where it is absent.
pub(crate) fn optional_bytes(id: Option<impl AsRef<[u8]>>) -> Bytes {
    id.map(bytes).unwrap_or_default()
}

/// Shared opaque bytes, to be written.
pub(crate) fn shared(opaque: &Opaque) -> Bytes {
    opaque.clone().into_bytes()
}

/// The same, empty where absent.
pub(crate) fn optional_shared(opaque: Option<&Opaque>) -> Bytes {
    opaque.map(shared).unwrap_or_default()
}

/// A list of opaque bytes, to be written.
pub(crate) fn shared_list(list: &[Opaque]) -> Vec<Bytes> {
    list.iter().map(shared).collect()
}

/// The text of an optional sensitive value, empty where absent.
pub(crate) fn optional_text(text: Option<&Sensitive>) -> String {
    text.map(|text| text.expose().to_owned()).unwrap_or_default()
}

/// An enum of codes in which a newer peer's code is a value, not a failure.
macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $code:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
            /// A code that this version does not know, or none.
            Unknown(i32),
        }

        impl $name {
            /// All codes that this version knows.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The value of this code.
            #[must_use]
            pub const fn from_code(code: i32) -> Self {
                match code {
                    $($code => Self::$variant,)*
                    other => Self::Unknown(other),
                }
            }

            /// The code on the wire.
            #[must_use]
            pub const fn code(self) -> i32 {
                match self {
                    $(Self::$variant => $code,)*
                    Self::Unknown(code) => code,
                }
            }
        }
    };
}
pub(crate) use codes;

/// A message without fields.
macro_rules! empty {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct $name;

        impl $crate::field::Message for $name {
            type Proto = $crate::proto::$name;

            fn from_proto(_: Self::Proto) -> Result<Self, $crate::field::Invalid> {
                Ok(Self)
            }

            fn to_proto(&self) -> Self::Proto {
                $crate::proto::$name {}
            }
        }
    )*};
}
pub(crate) use empty;
