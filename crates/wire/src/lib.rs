//! Frames between client and server: schema, validated messages, limits, codec.
