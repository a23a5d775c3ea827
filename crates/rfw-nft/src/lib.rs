//! nf_tables objects and expressions, to bytes and back; predicates over them.
//!
//! Pure: no I/O, no unsafe, no iptables text. Numbers come from the kernel's UAPI headers
//! `linux/netfilter/nf_tables.h`, `linux/netfilter/nfnetlink.h` and `linux/netlink.h` unless said otherwise.

pub mod attr;
pub mod expr;
pub mod message;
pub mod predicate;
pub mod set;
pub mod xt;

pub use expr::{Bytes, DecodeError, Expr, Listing, Reg, Verdict, decode_list, encode_list};

/// Protocol family of a table (`linux/netfilter.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// `NFPROTO_IPV4` = 2.
    Ipv4,
    /// `NFPROTO_IPV6` = 10.
    Ipv6,
}

impl Family {
    /// The `nfgen_family` byte.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Ipv4 => 2,
            Self::Ipv6 => 10,
        }
    }

    /// nft's word for it: `ip` or `ip6`.
    #[must_use]
    pub const fn nft_name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ip",
            Self::Ipv6 => "ip6",
        }
    }

    /// Length of an address in bytes.
    #[must_use]
    pub const fn address_len(self) -> usize {
        match self {
            Self::Ipv4 => 4,
            Self::Ipv6 => 16,
        }
    }
}
