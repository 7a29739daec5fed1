//! Worlds by seed.
#![cfg(test)]

mod simulator;
