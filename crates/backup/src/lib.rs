//! The file format of an encrypted backup of an account's history: [`Writer`] and [`Reader`].
//!
//! `docs/backup-format.md` is the same for people who write another reader. This crate knows how records are encoded and
//! sealed; what is put into them, and what becomes of them, the engine decides.
//!
//! Invariants:
//! - Nothing of a backup is in clear but the header: which version, how the key is made, a salt and a nonce.
//! - The content is a STREAM (Hoang, Reyhanitabar, Rogaway and Vizár, 2015) of XChaCha20-Poly1305 chunks: one that was cut
//!   off, left out, moved or changed is noticed at the chunk, a file that ends early at its end. The header is authenticated
//!   with each chunk.
//! - Memory does not grow with the file: one chunk and one record at a time, each of bounded size, also of a hostile file.
//! - No record has a field for a key, a token, a ciphertext or MLS state.
//!
//! ```
//! use hushwire_backup::{Header, Key, Reader, Record, Writer, record::Head};
//! use hushwire_types::{AccountId, OsEntropy, Secret, Timestamp};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = Key::Random(Secret::new([7; 32]));
//! let mut writer = Writer::new(Vec::new(), &key, &OsEntropy)?;
//! writer.write(&Record::Head(Head { account: AccountId::new([1; 32]), made_at: Timestamp::from_ms(5) }))?;
//! let file = writer.finish()?;
//!
//! let mut file = file.as_slice();
//! let header = Header::read(&mut file)?;
//! let mut reader = Reader::new(file, &header, &key)?;
//! assert!(matches!(reader.next_record()?, Some(Record::Head(_))));
//! assert!(reader.next_record()?.is_none());
//! # Ok(()) }
//! ```

mod error;
mod header;
mod proto;
mod reader;
pub mod record;
mod writer;

pub use error::{ReadError, WriteError};
pub use header::{Header, Key, KeyKind};
pub use reader::Reader;
pub use record::Record;
pub use writer::Writer;

/// Bytes of a chunk before it is sealed.
pub const CHUNK_BYTES: usize = 64 * 1024;

/// Bytes that sealing adds to a chunk.
const TAG_BYTES: usize = 16;

/// The most bytes of a record: an account with dozens of devices and a list of years takes a tenth of it.
pub const RECORD_BYTES: usize = 1024 * 1024;
