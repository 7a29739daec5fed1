//! Every limit of the wire, each with its reason.
//!
//! Both sides hold them: the encoder refuses to produce what is over a limit, the decoder refuses to read it with a
//! typed error that the server answers. Larger bodies travel by HTTPS (see [`bodies`](crate::bodies)).

/// Bytes of one MLSMessage in a frame: an application message, a Commit or a Welcome.
///
/// Room for 16,384 characters of text in most scripts, and small enough that a connection's buffers stay small.
pub const MESSAGE_BYTES: usize = 64 * 1024;

/// Bytes of one WebSocket frame.
///
/// The largest message with its envelope, and 8 KiB for what travels with a Commit: GroupInfo, Welcome, tree.
pub const FRAME_BYTES: usize = 72 * 1024;

/// Bytes of one MLS object that travels by HTTPS: a Commit, a GroupInfo, a Welcome or a ratchet tree.
///
/// A Commit in a group of 1,000 devices has 2.7 MB; its tree has 2.9 MB. Eight of the largest fill the room that a
/// mailbox has for handshakes.
pub const BODY_BYTES: usize = 4 << 20;

/// Bytes of one upload: a whole request with a Commit, a GroupInfo and a Welcome of the largest size each. What else is
/// in a request always fits into the room of a frame.
pub const UPLOAD_BYTES: usize = 3 * BODY_BYTES + FRAME_BYTES;

/// Requests in flight on one connection. More of them only lengthen the server's queue.
pub const REQUESTS_IN_FLIGHT: usize = 64;

/// Sends of one mailbox that are not answered yet, and so the answers that the server keeps to recognise a repeat.
pub const SENDS_IN_FLIGHT: u64 = 64;

/// Entries of one [`Delivery`](crate::Delivery): what a client commits in one transaction without a noticeable wait.
pub const DELIVERY_ENTRIES: usize = 128;

/// Encoded bytes of entries at which a server closes a [`Delivery`](crate::Delivery).
///
/// An entry that is larger alone still goes, by itself: [`FRAME_BYTES`] is the bound that holds.
pub const DELIVERY_BYTES: usize = 64 * 1024;

/// Bytes of one KeyPackage: with X-Wing keys (1,216 bytes each) it has about 2.9 KiB.
pub const KEY_PACKAGE_BYTES: usize = 4 * 1024;

/// KeyPackages of one upload, the last resort not counted: a full pool of 20 fits into a frame.
pub const KEY_PACKAGES: usize = 20;

/// KeyPackages of one claim: as many as fit into a frame. Further devices are claimed by name.
pub const CLAIMED_KEY_PACKAGES: usize = 20;

/// Bytes of an account's genesis: flags, two keys, a salt and two signatures take under 256.
pub const GENESIS_BYTES: usize = 512;

/// Bytes of one device list entry: two keys, a hash, a name of 64 bytes and two signatures take under 512.
pub const LIST_ENTRY_BYTES: usize = 1024;

/// Device list entries of one answer; the rest is asked for with another `from_number`.
pub const LIST_ENTRIES: usize = 64;

/// Bytes of a handle in text: the longest e-mail address (RFC 5321 gives a path 256, with its brackets).
pub const HANDLE_BYTES: usize = 254;

/// Bytes of a username: 32 characters of any script.
pub const USERNAME_BYTES: usize = 128;

/// Bytes of an invite code as text: 8 symbols and a hyphen today, room for longer ones.
pub const INVITE_BYTES: usize = 32;

/// Bytes of a link's code as text: 8 symbols and a hyphen today, room for longer ones.
pub const LINK_CODE_BYTES: usize = 32;

/// Bytes of one message of a link: a device list entry and what is said around it.
pub const LINK_BYTES: usize = 2 * 1024;

/// Messages that one link carries: twice what linking takes, and too few to be a way to chat.
pub const LINK_MESSAGES: u32 = 16;

/// Digits of an OTP.
pub const OTP_DIGITS: usize = 6;

/// Feature names in a hello. Today there are none: the bound only keeps a stranger's list short.
pub const FEATURES: usize = 32;

/// Bytes of a feature name.
pub const FEATURE_BYTES: usize = 32;

/// Messages of one report: enough to show what somebody does.
pub const REPORTED_MESSAGES: usize = 20;

/// Bytes of the texts of a report together: one of the longest messages, or many of the usual length. It fits into a frame.
pub const REPORTED_BYTES: usize = 60 * 1024;

/// Bytes of what a reporter adds: 500 characters of any script.
pub const REPORT_NOTE_BYTES: usize = 2 * 1024;

/// Bytes of a sentence for a person in a failure.
pub const TEXT_BYTES: usize = 512;
