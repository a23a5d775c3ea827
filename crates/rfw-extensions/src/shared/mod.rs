//! What several extensions have in common; none of it names one.

pub mod hops;
pub mod inet;
pub mod nat;
pub mod ports;
pub mod states;
pub mod traffic_class;
