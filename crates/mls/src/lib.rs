//! MLS groups: create, join, commit, process, rejoin.
