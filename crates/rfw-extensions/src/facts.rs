//! What general lints ask about a match or target without knowing its name.

/// What evaluating an extension does besides answering yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: the answer depends on the packet alone.
    Pure,
    /// It answers differently for equal packets: a rate, a counter, chance, a clock, a list.
    Limits,
    /// It writes a log record.
    Logs,
    /// It changes the packet, its marks or its connection, and the rule goes on to the next one.
    Rewrites,
    /// It ends the chain's traversal for the packet.
    Ends,
}

/// On which side of its bound a rate or count lets a match answer yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// While it is below.
    Below,
    /// Once it is above.
    Above,
}

/// What has a rate or count of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// All packets that reach the rule share one.
    Rule,
    /// Each source address or network.
    Source,
    /// Each destination address or network, or a port of it.
    Destination,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Packets in a time.
    Packets,
    /// Bytes, in a time or altogether.
    Bytes,
    /// Connections that exist at once.
    Connections,
}

/// A bound on how much matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// What is counted.
    pub measure: Measure,
    /// When it matches.
    pub side: Side,
    /// What shares a count.
    pub per: Per,
}

/// A list of addresses that rules fill at run time, and what this one does with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListUse<'a> {
    /// The list.
    pub name: &'a [u8],
    /// Adds the address to it.
    pub adds: bool,
    /// How often the address must have been seen, 0 if that is not asked.
    pub hits: u32,
}

/// A named set of addresses or ports that is kept outside of the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetUse<'a> {
    /// The set.
    pub name: &'a str,
    /// How many parts of the packet are looked up, 1 to 6.
    pub dimensions: u8,
    /// Bit n, from 1: part n is that of the source.
    pub sources: u8,
    /// Matches what is not in it.
    pub inverted: bool,
    /// Looks for elements that except others from a network (`nomatch`), not for what is in the set.
    pub exceptions: bool,
}

/// What general lints ask about a match or target without knowing its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts<'a> {
    /// What evaluation does.
    pub effect: Effect,
    /// The kernel accepts it in these tables only; empty means all.
    pub tables: &'static [&'static str],
    /// It ends the traversal by refusing the packet.
    pub refuses: bool,
    /// What should be written instead, if something should.
    pub superseded_by: Option<&'static str>,
    /// The rate or count that it compares.
    pub bound: Option<Bound>,
    /// The list of addresses it reads or writes.
    pub list: Option<ListUse<'a>>,
    /// The text in front of its log records.
    pub log_prefix: Option<&'a [u8]>,
    /// The conntrack helper that it attaches.
    pub helper: Option<&'a [u8]>,
    /// The named set that it looks into.
    pub set: Option<SetUse<'a>>,
    /// Named sets that it adds to or deletes from.
    pub fills: [Option<&'a str>; 2],
    /// The kernel accepts it only where base chains at these hooks lead to it (bit n is `NF_INET_*` n); 0 means all.
    pub hooks: u8,
    /// The kernel accepts it only in rules for this protocol.
    pub protocol: Option<u8>,
    /// The kernel that had it no more, and what to use.
    pub gone: Option<Gone>,
    /// It matches fragments only.
    pub fragments: bool,
    /// A rule with it has the kernel put fragments together before any table sees them.
    pub reassembles: bool,
}

/// An extension that kernels have no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The first version without it.
    pub since: (u32, u32),
    /// What does the same, as a half-sentence.
    pub instead: &'static str,
    /// The target that takes its place and its options by their new names, where that is all there is to it.
    pub replaced: Option<(&'static str, &'static [(&'static str, &'static str)])>,
}

/// Bits of [`Facts::hooks`].
pub mod hook {
    /// `NF_INET_PRE_ROUTING`.
    pub const PREROUTING: u8 = 1;
    /// `NF_INET_LOCAL_IN`.
    pub const INPUT: u8 = 2;
    /// `NF_INET_FORWARD`.
    pub const FORWARD: u8 = 4;
    /// `NF_INET_LOCAL_OUT`.
    pub const OUTPUT: u8 = 8;
    /// `NF_INET_POST_ROUTING`.
    pub const POSTROUTING: u8 = 16;
}

impl<'a> Facts<'a> {
    /// A pure match, allowed everywhere.
    pub const PURE: Self = Self::new(Effect::Pure);

    /// An extension with this effect, allowed everywhere.
    #[must_use]
    pub const fn new(effect: Effect) -> Self {
        Self {
            effect,
            tables: &[],
            refuses: false,
            superseded_by: None,
            bound: None,
            list: None,
            log_prefix: None,
            helper: None,
            set: None,
            fills: [None; 2],
            hooks: 0,
            protocol: None,
            gone: None,
            fragments: false,
            reassembles: false,
        }
    }

    /// Allowed in these tables only.
    #[must_use]
    pub const fn tables(self, tables: &'static [&'static str]) -> Self {
        Self { tables, ..self }
    }

    /// Allowed only where these hooks lead.
    #[must_use]
    pub const fn hooks(self, hooks: u8) -> Self {
        Self { hooks, ..self }
    }

    /// Allowed only in rules for this protocol.
    #[must_use]
    pub const fn protocol(self, number: u8) -> Self {
        Self { protocol: Some(number), ..self }
    }

    /// Matches fragments only.
    #[must_use]
    pub const fn fragments(self) -> Self {
        Self { fragments: true, ..self }
    }

    /// Has fragments put together: it asks about connections, changes them, or looks for a socket (`nf_ct_netns_get`,
    /// `nf_defrag_ipv4_enable` and `nf_defrag_ipv6_enable` in the kernel).
    #[must_use]
    pub const fn reassembles(self) -> Self {
        Self { reassembles: true, ..self }
    }

    /// No longer in kernels.
    #[must_use]
    pub const fn gone(self, gone: Gone) -> Self {
        Self { gone: Some(gone), ..self }
    }

    /// Ends the traversal by refusing the packet.
    #[must_use]
    pub const fn refuses(self) -> Self {
        Self { refuses: true, ..self }
    }

    /// Should be written otherwise.
    #[must_use]
    pub const fn superseded_by(self, instead: &'static str) -> Self {
        Self { superseded_by: Some(instead), ..self }
    }

    /// Compares a rate or count.
    #[must_use]
    pub const fn bound(self, measure: Measure, side: Side, per: Per) -> Self {
        Self { bound: Some(Bound { measure, side, per }), ..self }
    }

    /// Reads or writes a list of addresses.
    #[must_use]
    pub const fn list(self, list: ListUse<'a>) -> Self {
        Self { list: Some(list), ..self }
    }

    /// Puts this text in front of log records.
    #[must_use]
    pub const fn log_prefix(self, text: &'a [u8]) -> Self {
        Self { log_prefix: Some(text), ..self }
    }

    /// Attaches a conntrack helper.
    #[must_use]
    pub const fn helper(self, name: &'a [u8]) -> Self {
        Self { helper: Some(name), ..self }
    }

    /// Adds to or deletes from named sets.
    #[must_use]
    pub const fn fills(self, sets: [Option<&'a str>; 2]) -> Self {
        Self { fills: sets, ..self }
    }

    /// Looks into a named set.
    #[must_use]
    pub const fn set(self, set: SetUse<'a>) -> Self {
        Self { set: Some(set), ..self }
    }
}
