//! The commands of hush.
