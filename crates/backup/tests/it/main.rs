//! The backup format, from outside.

#![cfg(test)]

mod hostile;
mod round_trip;
mod samples;
