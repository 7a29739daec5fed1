//! Worlds by seed.

mod simulator;
