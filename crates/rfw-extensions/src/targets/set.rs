//! `-j SET`: adds to, deletes from or maps by an ipset; the packet goes on.
//!
//! xt `SET` revision 3 (`xt_set.h`) in both encodings: ipset's sets are not those of nf_tables.
//!
//! ```c
//! struct xt_set_info_target_v3 { struct xt_set_info add_set, del_set, map_set; __u32 flags, timeout; };
//! ```

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::xt::{Info, View};
use rfw_syntax::{OptionSpec, Word};
use rfw_values::number;

use crate::context::{Names, ParseCx};
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::ipset::{NO_SET, SetRef, no_set};
use crate::uses::{Uses, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 24;
const FLAGS: usize = 12;
const TIMEOUT: usize = 16;
/// `IPSET_FLAG_EXIST`.
const EXIST: u32 = 1;
/// `IPSET_FLAG_MAP_SKBMARK`, `…SKBPRIO`, `…SKBQUEUE`.
const MAPS: [(&str, u32); 3] = [("map-mark", 1 << 8), ("map-prio", 1 << 9), ("map-queue", 1 << 10)];
/// `IPSET_NO_TIMEOUT`, less what the original keeps for itself: this value in the kernel's struct means the set's own.
const TIMEOUT_MAX: u32 = u32::MAX - 1;

/// The typed form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    add: Option<SetRef>,
    delete: Option<SetRef>,
    map: Option<SetRef>,
    exist: bool,
    /// Seconds; `None` for the set's own timeout.
    timeout: Option<u32>,
    /// Bits of [`MAPS`].
    maps: u32,
}

impl Extension for Set {
    const NAME: &'static str = "SET";
    const SUMMARY: &'static str = "adds to, deletes from or maps by an ipset";
    // Of a repeated option the original takes the last, save of those that name a set.
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::two("add-set", "name src|dst[,…]", "add the packet's addresses or ports").repeatable(),
        OptionSpec::two("del-set", "name src|dst[,…]", "delete them").repeatable(),
        OptionSpec::two("map-set", "name src|dst[,…]", "take mark, priority or queue from the element").repeatable(),
        OptionSpec::flag("exist", "--add-set renews an element that exists").repeatable(),
        OptionSpec::value("timeout", "seconds", "timeout of what --add-set adds").repeatable(),
        OptionSpec::flag("map-mark", "--map-set sets the packet mark").repeatable(),
        OptionSpec::flag("map-prio", "--map-set sets the priority").repeatable(),
        OptionSpec::flag("map-queue", "--map-set sets the hardware queue").repeatable(),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "ipset's sets are not those of nf_tables",
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        let mut found = Self::default();
        for used in uses.list {
            match (used.option.name, &used.values) {
                ("exist", _) => found.exist = true,
                ("timeout", [Some(word), _]) => found.timeout = Some(parse_timeout(word)?),
                (option @ ("add-set" | "del-set" | "map-set"), [Some(name), Some(directions)]) => {
                    let slot = match option {
                        "add-set" => &mut found.add,
                        "del-set" => &mut found.delete,
                        _ => &mut found.map,
                    };
                    if slot.is_some() {
                        let classic = format!("--{option} can be specified only once");
                        return Err(Box::new(
                            Diagnostic::error(codes::OPTION_REPEATED, used.span(), classic.clone())
                                .help("keep one; a second rule changes a second set")
                                .parameter(classic),
                        ));
                    }
                    *slot = Some(SetRef::parse(name, directions, cx)?);
                }
                (option, _) => {
                    found.maps |= MAPS.iter().find(|(name, _)| *name == option).map_or(0, |(_, bit)| *bit);
                }
            }
        }
        found.check(uses)?;
        Ok(found)
    }

    fn print(&self, out: &mut Printer<'_>) {
        self.write(out, "--", SetRef::print);
    }

    fn list(&self, out: &mut Printer<'_>) {
        self.write(out, "", SetRef::list);
    }

    fn lower(&self, out: &mut Lowering) {
        let set = |set: &Option<SetRef>| set.as_ref().map_or(no_set(), |set| set.bytes(false));
        let flags = self.maps | if self.exist { EXIST } else { 0 };
        let info = Info::new(SIZE)
            .bytes(0, &set(&self.add))
            .bytes(4, &set(&self.delete))
            .bytes(8, &set(&self.map))
            .u32(FLAGS, flags)
            .u32(TIMEOUT, self.timeout.unwrap_or(u32::MAX));
        out.xt_target("SET", 3, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let names = run.names;
        let view = run.xt_target("SET", 3, SIZE)?;
        let flags = view.u32(FLAGS);
        let maps = MAPS.iter().fold(0, |all, (_, bit)| all | bit) & flags;
        let lifted = Self {
            add: read(&view, 0, names)?,
            delete: read(&view, 4, names)?,
            map: read(&view, 8, names)?,
            exist: flags & EXIST != 0,
            timeout: Some(view.u32(TIMEOUT)).filter(|seconds| *seconds <= TIMEOUT_MAX),
            maps,
        };
        let known = flags & !(EXIST | maps) == 0;
        (known && lifted.fault().is_none()).then_some(lifted)
    }

    fn facts(&self) -> Facts<'_> {
        // The kernel lets only the mangle table change marks, priorities and queues.
        let tables: &'static [&'static str] = if self.map.is_some() { &["mangle"] } else { &[] };
        let fills = [&self.add, &self.delete].map(|set| set.as_ref().map(|set| set.name.as_str()));
        let facts = Facts::new(Effect::Rewrites).tables(tables).fills(fills);
        match self.add.as_ref().or(self.delete.as_ref()).or(self.map.as_ref()) {
            Some(set) => facts.set(set.in_use(false)),
            None => facts,
        }
    }
}

impl Set {
    /// The option that can't stand without another, and what is said of it.
    fn fault(&self) -> Option<(&'static str, String, &'static str)> {
        let none = self.add.is_none() && self.delete.is_none() && self.map.is_none();
        if none {
            let classic = "You must specify either `--add-set' or `--del-set' or `--map-set'";
            return Some(("", classic.into(), "add `--add-set NAME src`"));
        }
        if self.add.is_none() && self.exist {
            let classic = "Flag `--exist' can be used with `--add-set' only";
            return Some(("exist", classic.into(), "drop `--exist`, or add `--add-set NAME src`"));
        }
        if self.add.is_none() && self.timeout.is_some() {
            let classic = "Option `--timeout' can be used with `--add-set' only";
            return Some(("timeout", classic.into(), "drop `--timeout`, or add `--add-set NAME src`"));
        }
        let stray = MAPS.iter().find(|(_, bit)| self.map.is_none() && self.maps & bit != 0);
        if let Some((name, _)) = stray {
            let classic = format!("Flag `--{name}' can be used with `--map-set' only");
            return Some((name, classic, "add `--map-set NAME src`"));
        }
        if self.map.is_some() && self.maps == 0 {
            let classic = "You must specify flags `--map-mark' or '--map-prio` or `--map-queue'";
            return Some(("map-set", classic.into(), "say what is taken from the set: add `--map-mark`"));
        }
        None
    }

    fn check(&self, uses: &Uses<'_, '_>) -> Parsed<()> {
        match self.fault() {
            None => Ok(()),
            Some((option, classic, help)) => Err(Box::new(
                Diagnostic::error(codes::OPTION_REQUIRED, uses.span(option), classic.clone())
                    .help(help)
                    .parameter(classic),
            )),
        }
    }

    fn write(&self, out: &mut Printer<'_>, dashes: &str, set: fn(&SetRef, &mut Printer<'_>)) {
        if let Some(add) = &self.add {
            out.fmt(format_args!(" {dashes}add-set"));
            set(add, out);
            if self.exist {
                out.fmt(format_args!(" {dashes}exist"));
            }
            if let Some(seconds) = self.timeout {
                out.fmt(format_args!(" {dashes}timeout {seconds}"));
            }
        }
        if let Some(delete) = &self.delete {
            out.fmt(format_args!(" {dashes}del-set"));
            set(delete, out);
        }
        if let Some(map) = &self.map {
            out.fmt(format_args!(" {dashes}map-set"));
            set(map, out);
            for (name, _) in MAPS.iter().filter(|(_, bit)| self.maps & bit != 0) {
                out.fmt(format_args!(" {dashes}{name}"));
            }
        }
    }
}

/// The set at an offset, if one is named; `None` for one that has no words.
fn read(view: &View<'_>, at: usize, names: &dyn Names) -> Option<Option<SetRef>> {
    if view.u16(at) == NO_SET {
        return Some(None);
    }
    SetRef::read(view, at, names).filter(|_| view.u8(at + 3) & 1 == 0).map(Some)
}

fn parse_timeout(word: &Word<'_>) -> Parsed<u32> {
    number::parse_u32(&word.text, 0, TIMEOUT_MAX).map_err(|error| {
        let classic = format!("Invalid value for option --timeout or out of range 0-{TIMEOUT_MAX}");
        bad_value(word, &error, classic)
    })
}
