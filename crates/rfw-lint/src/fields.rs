//! Fields of a packet, and tests of them as sets of numbers.

pub use rfw_space::field::{ESTABLISHED, INVALID, Key, NEW, RELATED, interface};
pub(crate) use rfw_space::field::{Masked, Tested, in_set, number, ports, test};
