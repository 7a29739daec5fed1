//! Limits of content, each with its reason.

/// Bytes of a padded Content: the wire's 64 KiB for an MLSMessage, less 1 KiB for what MLS puts around it (header,
/// sender data, signature and tag take under 300 bytes with this suite).
pub const CONTENT_BYTES: usize = 63 * 1024;

/// Characters of a text: several pages, more is a file.
pub const TEXT_CHARS: usize = 16_384;

/// Bytes of a text, for scripts with 4 bytes a character: what the largest bucket leaves beside the witness.
pub const TEXT_BYTES: usize = 60 * 1024;

/// Bytes of what a reply shows of the message that it quotes: a few lines.
pub const EXCERPT_BYTES: usize = 1024;

/// Bytes of a reaction: the longest sequences that show one emoji have about 40.
pub const EMOJI_BYTES: usize = 64;

/// Bytes of a fallback: one sentence.
pub const FALLBACK_BYTES: usize = 1024;

/// Content ids of one receipt: more than one batch of deliveries has.
pub const RECEIPT_IDS: usize = 256;

/// Characters of a group's name: a line on any screen.
pub const GROUP_NAME_CHARS: usize = 64;

/// Characters of a group's description: a paragraph.
pub const GROUP_DESCRIPTION_CHARS: usize = 500;

/// Bytes of a transcript hash: the longest hash of any MLS ciphersuite.
pub const TRANSCRIPT_HASH_BYTES: usize = 64;
