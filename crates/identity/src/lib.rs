//! Accounts, device lists, signature labels, safety numbers.
