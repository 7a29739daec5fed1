//! In-process server and clients, seeded simulator, hostile server and member.
