//! Sockets, database thread and timers around the engine.
