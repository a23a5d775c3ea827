//! The tables of iptables and their base chains (encoding.md 2.4; `linux/netfilter_ipv4.h` priorities).

/// A base chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BaseChain {
    /// Its name.
    pub name: &'static str,
    /// `NF_INET_*`.
    pub hook: u32,
    /// Priority; lower runs first.
    pub priority: i32,
    /// nf_tables chain type.
    pub kind: &'static str,
}

/// A table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableSpec {
    /// Its name.
    pub name: &'static str,
    /// In the order of their hooks.
    pub chains: &'static [BaseChain],
}

const fn chain(name: &'static str, hook: u32, priority: i32, kind: &'static str) -> BaseChain {
    BaseChain { name, hook, priority, kind }
}

/// In the order in which iptables-save prints them.
pub static TABLES: &[TableSpec] = &[
    TableSpec {
        name: "mangle",
        chains: &[
            chain("PREROUTING", 0, -150, "filter"),
            chain("INPUT", 1, -150, "filter"),
            chain("FORWARD", 2, -150, "filter"),
            chain("OUTPUT", 3, -150, "route"),
            chain("POSTROUTING", 4, -150, "filter"),
        ],
    },
    TableSpec {
        name: "security",
        chains: &[
            chain("INPUT", 1, 150, "filter"),
            chain("FORWARD", 2, 150, "filter"),
            chain("OUTPUT", 3, 150, "filter"),
        ],
    },
    TableSpec {
        name: "raw",
        chains: &[chain("PREROUTING", 0, -300, "filter"), chain("OUTPUT", 3, -300, "filter")],
    },
    TableSpec {
        name: "filter",
        chains: &[
            chain("INPUT", 1, 0, "filter"),
            chain("FORWARD", 2, 0, "filter"),
            chain("OUTPUT", 3, 0, "filter"),
        ],
    },
    TableSpec {
        name: "nat",
        chains: &[
            chain("PREROUTING", 0, -100, "nat"),
            chain("INPUT", 1, 100, "nat"),
            chain("OUTPUT", 3, -100, "nat"),
            chain("POSTROUTING", 4, 100, "nat"),
        ],
    },
];

impl TableSpec {
    /// The table of that name.
    #[must_use]
    pub fn named(name: &[u8]) -> Option<&'static Self> {
        TABLES.iter().find(|t| t.name.as_bytes() == name)
    }

    /// Its base chain of that name.
    #[must_use]
    pub fn chain(&self, name: &[u8]) -> Option<&'static BaseChain> {
        self.chains.iter().find(|c| c.name.as_bytes() == name)
    }
}
