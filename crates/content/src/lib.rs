//! What travels inside the encryption: [`Content`], its padding, and how text of strangers is understood and shown.
//!
//! The schema is `proto/hushwire/content/v1/content.proto`; its generated types stay private.
//!
//! Invariants:
//! - [`Encoded`] is the exact bytes that the author wrote, without padding. Rows keep them and hashes are of them,
//!   so a kind that this version does not know can be read after an upgrade and a witness never depends on how
//!   this version would have written it.
//! - On the wire its length is one of [`padding::BUCKETS`], whatever was said.
//! - The author is not in here: it is the account of the MLS leaf.
//! - No `Debug` shows what somebody wrote.
//! - Whatever a stranger wrote goes through [`display`], or through [`markup`] which does so, before a person sees it.

mod about;
mod content;
mod encoded;
mod group_details;
mod history;
pub mod limits;
pub mod markup;
pub mod padding;
mod picture;
mod proto;
mod register;
mod short;

pub use about::{Edit, Quote, Reaction, Target};
pub use content::{Content, Invalid, Kind, Receipt, ReceiptKind, SeenList, Text, Witness};
pub use encoded::{DecodeError, Encoded};
pub use group_details::GroupDetails;
pub use history::{HistoryAsk, HistoryBundle, HistoryPart};
pub use hushwire_types::display;
pub use picture::{Picture, PictureHash, Pictures};
pub use register::Register;
pub use short::{Card, JoinAsk, Pin, Poll, Profile, Vote};
