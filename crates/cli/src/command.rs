//! One module for each command.

pub(crate) mod backup;
pub(crate) mod chat;
pub(crate) mod classic;
pub(crate) mod conversation;
pub(crate) mod daemon;
pub(crate) mod device;
pub(crate) mod export;
pub(crate) mod follow;
pub(crate) mod group;
pub(crate) mod handles;
pub(crate) mod history;
pub(crate) mod join;
pub(crate) mod link;
pub(crate) mod list;
pub(crate) mod message;
pub(crate) mod paper;
pub(crate) mod picture;
pub(crate) mod receive;
pub(crate) mod recover;
pub(crate) mod report;
pub(crate) mod rpc;
pub(crate) mod search;
pub(crate) mod send;
pub(crate) mod shape;
pub(crate) mod typists;
pub(crate) mod verify;
