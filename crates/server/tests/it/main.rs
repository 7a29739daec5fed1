//! What of the server touches the world: drivers of one-time codes, and wire version 1.
#![cfg(test)]

mod classic;
mod otp;
