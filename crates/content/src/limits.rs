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

/// Mentions of one text: the longest text with the longest quote must still fit beside them.
pub const MENTIONS: usize = 32;

/// Settings that one content tells: the rest go in the next one.
pub const REGISTERS: usize = 256;

/// Bytes of one setting: a draft is as long as a text.
pub const REGISTER_BYTES: usize = TEXT_BYTES;

/// The longest life of a disappearing message, in seconds: four weeks.
pub const LIVES_FOR_S: u32 = 28 * 24 * 60 * 60;

/// Characters of a poll's question.
pub const QUESTION_CHARS: usize = 500;

/// The most options of a poll: what a person can oversee.
pub const POLL_OPTIONS: usize = 24;

/// Characters of an option.
pub const OPTION_CHARS: usize = 100;

/// Characters of what somebody calls themselves or others.
pub const NAME_CHARS: usize = 64;

/// Characters of what somebody says of themselves.
pub const ABOUT_CHARS: usize = 500;

/// Bytes of a picture of somebody or of a group: with a profile's words it fits into the bucket of 32 KiB.
pub const PICTURE_BYTES: usize = 28 * 1024;

/// Pictures that a device asks another one for at once: more are asked for when these have come.
pub const PICTURES_WANTED: usize = 16;

/// Pictures that one content shows: as many as fit into it.
pub const PICTURES_SHOWN: usize = 2;

/// Bytes of a handle on a card: the longest e-mail address.
pub const HANDLE_BYTES: usize = 254;

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

/// Bytes of a place in the past, which only the device that wrote it reads.
pub const HISTORY_PLACE_BYTES: usize = 64;

/// Records of one part of the past.
pub const HISTORY_RECORDS: usize = 2048;

/// Messages that are handed to somebody who comes into a group: what a person reads back; more is what an export is for.
pub const BUNDLE_MESSAGES: usize = 200;

/// Bytes of their records in all parts together: every device of the group fetches the parts, those that pass them over too.
pub const BUNDLE_BYTES: usize = 1024 * 1024;

/// Accounts that one bundle is for: their ids must leave room for what is handed to them.
pub const BUNDLE_ACCOUNTS: usize = 32;
