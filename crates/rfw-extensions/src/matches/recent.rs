//! `-m recent`: lists of addresses, with the times at which packets were seen.
//!
//! xt `recent` revision 1 in both encodings (`xt_recent.h`), since nf_tables' sets have neither hit counts nor the kernel's files
//! under `/proc/net/xt_recent` (encoding.md 4.4):
//!
//! ```c
//! struct xt_recent_mtinfo_v1 {
//!     __u32 seconds, hit_count;
//!     __u8 check_set, invert;
//!     char name[200];
//!     __u8 side;
//!     union nf_inet_addr mask;
//! };
//! ```
//!
//! iptables fills the name with `DEFAULT` before it writes the given one over it, and compares all of it when it deletes a rule.

use rfw_diagnostics::codes;
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;
use rfw_values::address::AddrText;

use crate::approximation::{self, Approximation};
use crate::context::Family;
use crate::context::ParseCx;
use crate::facts::{Effect, Facts, ListUse, Measure, Per, Side};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::inet::{Mask, host};
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 228;
/// `XT_RECENT_NAME_LEN`, with the NUL.
const NAME_LEN: usize = 200;
const DEFAULT: &[u8] = b"DEFAULT";
const TTL: u8 = 0x10;
const REAP: u8 = 0x20;
const DESTINATION: u8 = 1;

/// What is done with the list; the numbers are those of `XT_RECENT_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Check = 1,
    Set = 2,
    Update = 4,
    Remove = 8,
}

impl Action {
    const ALL: [Self; 4] = [Self::Set, Self::Check, Self::Update, Self::Remove];

    fn option(self) -> &'static str {
        match self {
            Self::Check => "rcheck",
            Self::Set => "set",
            Self::Update => "update",
            Self::Remove => "remove",
        }
    }

    fn listed(self) -> &'static str {
        match self {
            Self::Check => "CHECK",
            Self::Set => "SET",
            Self::Update => "UPDATE",
            Self::Remove => "REMOVE",
        }
    }
}

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recent {
    action: Action,
    inverted: bool,
    /// 0 for none.
    seconds: u32,
    /// 0 for none.
    hitcount: u32,
    reap: bool,
    ttl: bool,
    name: Vec<u8>,
    by_destination: bool,
    mask: Mask,
}

const ANY: &[&str] = &["set", "rcheck", "update", "remove"];

impl Extension for Recent {
    const NAME: &'static str = "recent";
    const SUMMARY: &'static str = "lists of addresses seen lately";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::flag("set", "put the address on the list").invertible().excludes(ANY),
        OptionSpec::flag("rcheck", "the address is on the list").invertible().excludes(ANY),
        OptionSpec::flag("update", "the same, and it was seen now").invertible().excludes(ANY),
        OptionSpec::flag("remove", "the same, and it is taken off").invertible().excludes(ANY),
        OptionSpec::value("seconds", "seconds", "it was seen in so many seconds"),
        OptionSpec::flag("reap", "forget entries older than that").needs(&["seconds"]),
        OptionSpec::value("hitcount", "number", "it was seen at least so often"),
        OptionSpec::flag("rttl", "the TTL is that of the packet that set it").excludes(&["set", "remove"]),
        OptionSpec::value("name", "name", "the list, default DEFAULT"),
        OptionSpec::flag("rsource", "the source address, the default"),
        OptionSpec::flag("rdest", "the destination address"),
        OptionSpec::value("mask", "mask", "only these bits of the address"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables' sets have no times of single packets, no hit counts and no files under `/proc/net/xt_recent`",
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        let seconds = uses.number("seconds", 1, u32::MAX)?.unwrap_or(0);
        let hitcount = uses.number("hitcount", 0, u32::MAX)?.unwrap_or(0);
        let mask = match uses.word("mask") {
            Some(word) => Mask::from_address(host(word, 0..word.text.len(), cx)?),
            None => Mask::full(cx.family),
        };
        let Some(action) = Action::ALL.into_iter().find(|a| uses.has(a.option())) else {
            return Err(uses.complaint(
                codes::OPTION_REQUIRED,
                "recent: you must specify one of `--set', `--rcheck' `--update' or `--remove'",
                "add the one that is meant",
            ));
        };
        let name = uses.word("name").map_or(DEFAULT, |word| &word.text);
        // The last of the two counts.
        let side = uses.list.iter().rev().map(|u| u.option.key()).find(|k| matches!(*k, "rsource" | "rdest"));
        Ok(Self {
            action,
            inverted: uses.inverted(action.option()),
            seconds,
            hitcount,
            reap: uses.has("reap"),
            ttl: uses.has("rttl"),
            name: name[..name.len().min(NAME_LEN - 1)].to_vec(),
            by_destination: side == Some("rdest"),
            mask,
        })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.option(self.inverted, self.action.option());
        if self.seconds != 0 {
            out.fmt(format_args!(" --seconds {}", self.seconds));
        }
        if self.reap {
            out.text(" --reap");
        }
        if self.hitcount != 0 {
            out.fmt(format_args!(" --hitcount {}", self.hitcount));
        }
        if self.ttl {
            out.text(" --rttl");
        }
        out.text(" --name");
        out.word(&self.name);
        out.fmt(format_args!(" --mask {}", AddrText(self.mask.address())));
        out.text(if self.by_destination { " --rdest" } else { " --rsource" });
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!("{} recent: {}", if self.inverted { " !" } else { "" }, self.action.listed()));
        if self.seconds != 0 {
            out.fmt(format_args!(" seconds: {}", self.seconds));
        }
        if self.reap {
            out.text(" reap");
        }
        if self.hitcount != 0 {
            out.fmt(format_args!(" hit_count: {}", self.hitcount));
        }
        if self.ttl {
            out.text(" TTL-Match");
        }
        out.text(" name: ");
        out.bytes(&self.name);
        let side = if self.by_destination { "dest" } else { "source" };
        out.fmt(format_args!(" side: {side} mask: {}", AddrText(self.mask.address())));
    }

    fn lower(&self, out: &mut Lowering) {
        let bit = |on: bool, bit: u8| if on { bit } else { 0 };
        let what = self.action as u8 | bit(self.ttl, TTL) | bit(self.reap, REAP);
        let info = Info::new(SIZE)
            .u32(0, self.seconds)
            .u32(4, self.hitcount)
            .u8(8, what)
            .u8(9, self.inverted.into())
            .bytes(10, DEFAULT)
            .bytes(10, &self.name)
            .u8(10 + self.name.len(), 0)
            .u8(210, bit(self.by_destination, DESTINATION))
            .bytes(212, &self.mask.bytes());
        out.xt_match("recent", 1, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let family = run.family;
        let view = run.xt_match("recent", 1, SIZE)?;
        let what = view.u8(8);
        let action = Action::ALL.into_iter().find(|a| *a as u8 == what & !(TTL | REAP))?;
        let name = view.string(10, NAME_LEN);
        if view.u8(210) > DESTINATION || name.is_empty() || name.len() >= NAME_LEN {
            return None;
        }
        let found = Self {
            action,
            inverted: view.u8(9) != 0,
            seconds: view.u32(0),
            hitcount: view.u32(4),
            reap: what & REAP != 0,
            ttl: what & TTL != 0,
            name: name.to_vec(),
            by_destination: view.u8(210) == DESTINATION,
            mask: Mask::from_bytes(view.array(212), family),
        };
        // What the grammar would refuse has no words.
        let refused = (found.reap && found.seconds == 0) || (found.ttl && (found.sets() || found.removes()));
        (!refused).then_some(found)
    }

    fn approximate(&self, family: Family) -> Option<Approximation> {
        let key = approximation::address(self.by_destination, &self.mask)?;
        let mut differs = vec!["a full set takes nobody more, the list forgets whom it saw longest ago"];
        if self.ttl {
            differs.push("the time to live of packets does not count");
        }
        if self.hitcount > 1 {
            if self.inverted || self.seconds == 0 {
                return None;
            }
            let rate = approximation::rate(self.hitcount.into(), self.seconds.into());
            differs.push("it counts the packets that reach this rule, not those that `--set` saw; a rule with `--set` is not needed");
            differs.push("it counts by a bucket that fills evenly, not by the times of single packets");
            let name = approximation::set_name("recent_rate", &self.name);
            let timeout = u64::from(self.seconds) * 1_000;
            let set = approximation::dynamic(approximation::address_type(family), 0, timeout);
            let limit = format!("limit rate over {rate} burst {} packets", self.hitcount);
            return Some(Approximation {
                statement: format!("update @{name} {{ {key} {limit} }}"),
                sets: vec![(name, set)],
                differs,
            });
        }
        let name = approximation::set_name("recent", &self.name);
        if self.seconds != 0 {
            differs.push("the seconds are those of the set: all rules of the list have the same");
        }
        let (sign, found) = if self.inverted { ("!= ", false) } else { ("", true) };
        let statement = match (self.action, found) {
            // It puts the address on the list and never matches.
            (Action::Set, false) => return None,
            (Action::Set, true) => format!("update @{name} {{ {key} }}"),
            (Action::Update, true) => format!("{key} @{name} update @{name} {{ {key} }}"),
            (Action::Remove, true) => format!("{key} @{name} delete @{name} {{ {key} }}"),
            (Action::Check, _) => format!("{key} {sign}@{name}"),
            (Action::Update | Action::Remove, false) => {
                differs.push("an address that is in the set stays as it is");
                format!("{key} {sign}@{name}")
            }
        };
        let set =
            approximation::dynamic(approximation::address_type(family), 0, u64::from(self.seconds) * 1_000);
        Some(Approximation { statement, sets: vec![(name, set)], differs })
    }

    fn facts(&self) -> Facts<'_> {
        let list = ListUse { name: &self.name, adds: self.action == Action::Set, hits: self.hitcount };
        let facts = Facts::new(Effect::Limits).list(list);
        if self.hitcount == 0 {
            return facts;
        }
        let side = if self.inverted { Side::Below } else { Side::Above };
        let per = if self.by_destination { Per::Destination } else { Per::Source };
        facts.bound(Measure::Packets, side, per)
    }
}

impl Recent {
    /// The name of the list.
    #[must_use]
    pub fn list_name(&self) -> &[u8] {
        &self.name
    }

    /// Whether it puts addresses on the list (`--set`).
    #[must_use]
    pub fn sets(&self) -> bool {
        self.action == Action::Set
    }

    /// Whether it asks the list (`--rcheck`, `--update`).
    #[must_use]
    pub fn reads(&self) -> bool {
        matches!(self.action, Action::Check | Action::Update)
    }

    /// Whether it takes addresses off the list (`--remove`).
    #[must_use]
    pub fn removes(&self) -> bool {
        self.action == Action::Remove
    }

    /// How many packets must have been seen, if that is asked.
    #[must_use]
    pub fn hitcount(&self) -> Option<u32> {
        (self.hitcount != 0).then_some(self.hitcount)
    }

    /// In how many seconds, if that is asked.
    #[must_use]
    pub fn seconds(&self) -> Option<u32> {
        (self.seconds != 0).then_some(self.seconds)
    }
}
