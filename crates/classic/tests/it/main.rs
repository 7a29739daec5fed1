//! Wire version 1: its bytes, its limits, its cryptography, its files, its client.
#![cfg(test)]

mod client;
mod crypto;
mod folder;
mod frames;
mod golden;
mod samples;
