//! Sets of numbers.

pub use rfw_space::Set;
