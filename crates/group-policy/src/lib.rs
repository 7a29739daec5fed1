//! What server and client both check of a group.
