//! The server's store on SQLite.
