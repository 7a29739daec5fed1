//! The store in SQLite: the suite of all stores, and what is its own.
#![cfg(test)]

mod classic;
mod conformance;
mod files;
