//! What tests of the whole are made of: real engines, a real server on the in-memory store, and a world in which
//! everything that can go wrong does, by a seed or by the bytes of a fuzzer.
//!
//! Invariant: nothing here asks the machine for time or randomness, so what happens is a function of the seed or the bytes.

pub mod entropy;
pub mod receiving;
pub mod simulator;
