//! The encrypted database of a client.
