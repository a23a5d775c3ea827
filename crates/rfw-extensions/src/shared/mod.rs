//! What several extensions have in common; none of it names one.

pub mod bounds;
pub mod calendar;
pub mod header;
pub mod header_options;
pub mod hop_count;
pub mod hops;
pub mod icmp;
pub mod inet;
pub mod ipset;
pub mod labels;
pub mod mark;
pub mod nat;
pub mod net;
pub mod npt;
pub mod ports;
pub mod protocol;
pub mod states;
pub mod traffic_class;
pub mod xt_ports;
