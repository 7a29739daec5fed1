//! Every limit of wire version 1, each with its reason.

/// Bytes of a whole response. The original reads so many at once and closes the connection on more.
pub const RESPONSE_BYTES: usize = 2048;

/// Bytes before the payload of a response: version, code, size.
pub const RESPONSE_HEADER: usize = 7;

/// Bytes before the payload of a request: a phone, then as in a response.
pub const REQUEST_HEADER: usize = crate::phone::BYTES + RESPONSE_HEADER;

/// Bytes of a payload, in both directions: what a response has room for. No request needs more.
pub const PAYLOAD_BYTES: usize = RESPONSE_BYTES - RESPONSE_HEADER;

/// Bytes of a message blob that a response carries, next to the sender's phone.
pub const BLOB_BYTES: usize = PAYLOAD_BYTES - crate::phone::BYTES;

/// Bytes of a message blob that our client sends: the original's server, too, reads 2048 bytes at once.
pub const SENT_BLOB_BYTES: usize = RESPONSE_BYTES - REQUEST_HEADER - crate::phone::BYTES;

/// Bytes of an RSA public key in PEM: what `RESPONSE_SENDER_KEYS` has room for. One of 4096 bits has 800.
pub const RSA_PEM_BYTES: usize = PAYLOAD_BYTES - crate::phone::BYTES - 32 - 2 * SIGNATURE_BYTES;

/// Bytes of a signature: RSA-4096.
pub const SIGNATURE_BYTES: usize = 512;

/// Characters of a text.
pub const TEXT_CHARACTERS: usize = 1000;
