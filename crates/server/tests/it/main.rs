//! What of the server touches the world: drivers of one-time codes.
#![cfg(test)]

mod otp;
