//! Worlds by seed.
#![cfg(test)]

mod receiving;
mod simulator;
