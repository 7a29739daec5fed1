//! Decisions that every backend shares: pure functions of what is stored and what is asked.
//!
//! A backend loads, decides here, and stores what the decision says. Nothing here knows how anything is kept.

pub mod claim;
pub mod classic;
pub mod epoch;
pub mod list;
pub mod overflow;
pub mod registration;
pub mod report;
pub mod routing;
pub mod window;
