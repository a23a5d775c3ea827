//! Typed rules.

use rfw_extensions::{Match, Selector, Target};
use rfw_nft::Expr;

/// A rule specification: what may be written after `-A CHAIN`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// `-s -d -i -o -p -f`.
    pub selector: Selector,
    /// `-m …`, in order.
    pub matches: Vec<Match>,
    /// `-j` or `-g`.
    pub target: RuleTarget,
}

/// Where a rule sends its packets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RuleTarget {
    /// To the next rule: no `-j`.
    #[default]
    Nothing,
    /// `-j ACCEPT`.
    Accept,
    /// `-j DROP`.
    Drop,
    /// `-j RETURN`.
    Return,
    /// `-j CHAIN`.
    Jump(Vec<u8>),
    /// `-g CHAIN`.
    Goto(Vec<u8>),
    /// `-j TARGET` of an extension.
    Extension(Target),
}

impl RuleTarget {
    /// The word after `-j` or `-g`; empty without a target.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        match self {
            Self::Nothing => b"",
            Self::Accept => b"ACCEPT",
            Self::Drop => b"DROP",
            Self::Return => b"RETURN",
            Self::Jump(chain) | Self::Goto(chain) => chain,
            Self::Extension(target) => target.name().as_bytes(),
        }
    }

    /// The word in the target column of a listing.
    #[must_use]
    pub fn listed(&self) -> &[u8] {
        match self {
            Self::Extension(target) => target.listed().as_bytes(),
            other => other.name(),
        }
    }

    /// The chain it jumps or goes to.
    #[must_use]
    pub fn chain(&self) -> Option<&[u8]> {
        match self {
            Self::Jump(chain) | Self::Goto(chain) => Some(chain),
            _ => None,
        }
    }
}

/// What a rule in the kernel is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// It has an iptables form.
    Rule(Rule),
    /// It has none: its expressions as they were.
    Foreign(Vec<Expr>),
}

/// A rule read back from the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// What it is.
    pub body: Body,
    /// Packets and bytes; zero if it has no counter.
    pub counters: (u64, u64),
    /// The kernel's handle.
    pub handle: u64,
    /// Its userdata TLVs.
    pub userdata: Vec<u8>,
}
