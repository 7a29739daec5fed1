//! Everything the client decides, one transaction a step.
