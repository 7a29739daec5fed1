//! The store in SQLite: the suite of all stores, and what is its own.

mod conformance;
mod files;
