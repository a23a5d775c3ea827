//! Values of iptables options: parse, print, bytes.
//!
//! Every value is read from the bytes of one word with the rules of iptables-nft 1.8.9, printed as its `-S` and `-L`
//! print it, and turned into the bytes that the kernel compares. Nothing here resolves names or asks the kernel:
//! host names come back as [`HostOrAddr::Name`], services are asked of the caller's [`Services`].
//! Bad text is a [`ValueError`] that names the guilty bytes; nothing panics.

pub mod address;
mod error;
pub mod hex;
pub mod interface;
pub mod iprange;
pub mod mac;
pub mod masked;
pub mod number;
pub mod ports;
pub mod quote;
pub mod rate;
pub mod similar;

pub use address::{AddrMask, Bytes, HostOrAddr};
pub use error::ValueError;
pub use hex::Pattern;
pub use interface::Interface;
pub use iprange::AddrRange;
pub use mac::MacAddr;
pub use masked::Masked;
pub use ports::{PortError, PortRange, Services};
pub use quote::Quoted;
pub use rate::{Rate, RateError};
pub use similar::suggest;
