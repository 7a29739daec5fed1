//! The services of hushd, without sockets.
