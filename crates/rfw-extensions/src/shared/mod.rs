//! What several extensions have in common; none of it names one.

pub mod ports;
