//! Wire version 1 against a running server, and the table of what the original does unsafely, each row attacked.

mod attacks;
mod conversations;
mod import;
mod load;
mod peer;
