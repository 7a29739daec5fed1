//! What travels inside the encryption.
