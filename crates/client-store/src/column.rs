//! Columns to typed values and back, in one place.
//!
//! Invariant: a column that does not hold what its type promises is an error of the row ([`StoreError::Corrupt`]
//! after conversion), never a default.
//!
//! [`StoreError::Corrupt`]: crate::StoreError::Corrupt

use hushwire_types::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Error, Result, Row};

/// The SQL integer of a counter or a time. Saturates: no honest value reaches 2^63, and a hostile one (a time
/// that a peer wrote) must not make the row unstorable.
pub(crate) fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The SQL integer of a time.
pub(crate) fn time(at: Timestamp) -> i64 {
    int(at.as_ms())
}

pub(crate) fn uint_at(row: &Row<'_>, column: &'static str) -> Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| invalid(column, Type::Integer))
}

pub(crate) fn opt_uint_at(row: &Row<'_>, column: &'static str) -> Result<Option<u64>> {
    let value: Option<i64> = row.get(column)?;
    value.map(|value| u64::try_from(value).map_err(|_| invalid(column, Type::Integer))).transpose()
}

pub(crate) fn time_at(row: &Row<'_>, column: &'static str) -> Result<Timestamp> {
    uint_at(row, column).map(Timestamp::from_ms)
}

pub(crate) fn opt_time_at(row: &Row<'_>, column: &'static str) -> Result<Option<Timestamp>> {
    Ok(opt_uint_at(row, column)?.map(Timestamp::from_ms))
}

/// An id, a hash or a key: bytes of a fixed length.
pub(crate) fn fixed_at<T>(row: &Row<'_>, column: &'static str) -> Result<T>
where
    T: for<'b> TryFrom<&'b [u8]>,
{
    let bytes = row.get_ref(column)?.as_blob()?;
    T::try_from(bytes).map_err(|_| invalid(column, Type::Blob))
}

pub(crate) fn opt_fixed_at<T>(row: &Row<'_>, column: &'static str) -> Result<Option<T>>
where
    T: for<'b> TryFrom<&'b [u8]>,
{
    let bytes = row.get_ref(column)?.as_blob_or_null()?;
    bytes.map(|bytes| T::try_from(bytes).map_err(|_| invalid(column, Type::Blob))).transpose()
}

/// An enum that is stored as a small integer. A code is never given to another variant later.
pub(crate) trait Coded: Sized + Copy {
    fn code(self) -> i64;
    fn from_code(code: i64) -> Option<Self>;
}

pub(crate) fn coded_at<T: Coded>(row: &Row<'_>, column: &'static str) -> Result<T> {
    T::from_code(row.get(column)?).ok_or_else(|| invalid(column, Type::Integer))
}

pub(crate) fn invalid(column: &'static str, kind: Type) -> Error {
    Error::InvalidColumnType(0, column.to_owned(), kind)
}

/// Gives each variant of a fieldless enum its stored code.
macro_rules! coded {
    ($name:ident { $($variant:ident = $code:literal),+ $(,)? }) => {
        impl $crate::column::Coded for $name {
            fn code(self) -> i64 {
                match self { $(Self::$variant => $code),+ }
            }

            fn from_code(code: i64) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}
pub(crate) use coded;
