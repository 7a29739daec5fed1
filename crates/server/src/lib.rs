//! Sockets, routes, OTP drivers and configuration of hushd.
