//! Engines against the real services on the in-memory store, one step at a time, with crashes wherever a test wants them.

#![cfg(test)]
#![allow(unreachable_pub, missing_docs, reason = "a test binary has no API")]

mod world;

mod about;
mod asking;
mod asks;
mod claims;
mod commands;
mod crashes;
mod devices;
mod groups;
mod handover;
mod histories;
mod hostile;
mod hostile_mailbox;
mod hostile_member;
mod hostile_room;
mod newcomers;
mod newcomers_hostile;
mod pictures;
mod profiles;
mod renewals;
mod reports;
mod requests;
mod restores;
mod rooms;
mod settings;
mod talk;
