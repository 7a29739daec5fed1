//! Each row module, one file for each group of nouns.

mod abouts;
mod commits_and_mls;
mod conversations;
mod expiries;
mod groups;
mod journals;
mod mailbox;
mod outboxes;
mod people;
mod registers;
mod reports;
mod searches;
mod timelines;
