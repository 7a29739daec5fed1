//! Store traits of the server, the in-memory store, the conformance suite.
