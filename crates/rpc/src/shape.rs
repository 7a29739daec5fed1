//! What methods answer with. JSON of `hush … --json` is the same.
//!
//! Texts of strangers are as they were written; whoever shows them on a terminal makes them harmless first
//! (`hushwire_content::display`).

mod change;
mod conversation;
mod found;
mod group;
mod own;
mod people;
mod report;
mod row;

pub use change::{Change, Events, History, Standing, Writes};
pub use conversation::{Conversation, ConversationStatus, Last, Place};
pub use found::{Found, Hit, Piece};
pub use group::{Asking, Group, Member, Permissions, RoleName, WhoName};
pub use own::{Account, Claim, ClaimStatus, Device, Devices, HandleEntry, Handles, SettingsNow};
pub use people::{Contact, Person, TrustName, With};
pub use report::{ReasonName, Report, ReportStanding, ReportedMessage};
pub use row::{Answer, Card, Expires, Marked, Poll, Quote, Reaction, Reader, Row, RowKind, RowState};
