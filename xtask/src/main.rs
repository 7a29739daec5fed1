//! The project's one menu of tasks.

fn main() {}
