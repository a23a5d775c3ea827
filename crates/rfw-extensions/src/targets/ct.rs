//! `-j CT`: how connection tracking shall treat the packet's connection; for the raw table, which comes before it.
//!
//! Compat: xt `CT` revision 2 (`xt_CT.h`; the pointer is the kernel's):
//!
//! ```c
//! struct xt_ct_target_info_v1 {
//!     __u16 flags, zone;
//!     __u32 ct_events, exp_events;
//!     char helper[16], timeout[32];
//!     struct nf_conn *ct;
//! };
//! ```
//!
//! Native: `notrack` for `--notrack` alone, `ct set zone` for a zone alone. A zone out of the packet's mark stays xt: xt reads the mark when
//! the connection is looked up, `ct set zone` where the rule stands. Helpers, timeouts and events have no native form in this place.

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::Expr;
use rfw_nft::expr::{CtDir, REG_1, ct};
use rfw_nft::predicate::Place;
use rfw_nft::xt::{Info, View};
use rfw_syntax::{OptionSpec, Word};
use rfw_values::number;

use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_choice};
use crate::{Extension, Parsed};

const SIZE: usize = 72;
const HELPER_LEN: usize = 16;
const TIMEOUT_LEN: usize = 32;
/// The spelling NOTRACK, see `notrack.rs`.
const HINT_NOTRACK: u8 = 2;

/// `XT_CT_*`.
const NOTRACK: u16 = 0x01;
const ORIGINAL: u16 = 0x04;
const REPLY: u16 = 0x08;
const MARK: u16 = 0x10;

/// `IPCT_*` are the numbers of the bits.
const EVENTS: [&str; 10] =
    ["new", "related", "destroy", "reply", "assured", "protoinfo", "helper", "mark", "natseqinfo", "secmark"];
/// `IPEXP_NEW`.
const EXPECTATION_EVENTS: [&str; 1] = ["new"];

/// A zone, and the direction it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Zone {
    dir: Option<CtDir>,
    /// `None` is the packet's mark.
    id: Option<u16>,
}

/// The typed form. Rules that differ only in the direction of zone 0, which is no zone, are equal; iptables keeps it.
#[derive(Clone, Debug)]
pub struct Ct {
    flags: u16,
    zone: u16,
    events: u32,
    expectation_events: u32,
    helper: Vec<u8>,
    timeout: Vec<u8>,
}

impl PartialEq for Ct {
    fn eq(&self, other: &Self) -> bool {
        let key = |ct: &Self| (ct.flags & NOTRACK, ct.zone(), ct.events, ct.expectation_events);
        key(self) == key(other) && self.helper == other.helper && self.timeout == other.timeout
    }
}

impl Eq for Ct {}

impl Extension for Ct {
    const NAME: &'static str = "CT";
    const SUMMARY: &'static str = "how connection tracking treats the packet's connection";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::flag("notrack", "don't track the packet"),
        OptionSpec::value("helper", "name", "attach this helper to the connection"),
        OptionSpec::value("timeout", "name", "use this timeout policy"),
        OptionSpec::value("ctevents", "event[,event...]", "report only these events of the connection"),
        OptionSpec::value("expevents", "event[,event...]", "report only these events of its expectations"),
        OptionSpec::value("zone-orig", "number|mark", "zone of the original direction"),
        OptionSpec::value("zone-reply", "number|mark", "zone of the reply direction"),
        OptionSpec::value("zone", "number|mark", "zone of both directions"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "helpers, timeouts and events have no native form before connection tracking",
        "the target reads the packet's mark when the connection is looked up, `ct set zone` where the rule stands",
        "`--notrack` beside other options, and a target without any, have no native form",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let mut out = Self {
            flags: 0,
            zone: 0,
            events: 0,
            expectation_events: 0,
            helper: Vec::new(),
            timeout: Vec::new(),
        };
        for used in uses.list {
            let Some(word) = used.value() else {
                out.flags |= NOTRACK;
                continue;
            };
            match used.option.key() {
                "helper" => out.helper = cut(word, HELPER_LEN),
                "timeout" => out.timeout = cut(word, TIMEOUT_LEN),
                "ctevents" => out.events = parse_events(word, &EVENTS)?,
                "expevents" => out.expectation_events = parse_events(word, &EXPECTATION_EVENTS)?,
                "zone-orig" => out.set_zone(word, ORIGINAL)?,
                "zone-reply" => out.set_zone(word, REPLY)?,
                _ => out.set_zone(word, 0)?,
            }
        }
        Ok(out)
    }

    fn print(&self, out: &mut Printer<'_>) {
        self.write(out, "--");
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" CT");
        self.write(out, "");
    }

    fn lower(&self, out: &mut Lowering) {
        let plain = self.events == 0 && self.expectation_events == 0 && self.helper.is_empty() && self.timeout.is_empty();
        match (self.flags & NOTRACK != 0, self.zone()) {
            (true, None) if plain && out.native() => out.push(Expr::Notrack),
            (false, Some(Zone { dir, id: Some(id) })) if plain && out.native() => {
                out.immediate(REG_1, &id.to_ne_bytes());
                out.push(Expr::CtSet { sreg: REG_1, key: ct::ZONE, dir });
            }
            _ => out.xt_target("CT", 2, self.xt()),
        }
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if let Some(view) = run.xt_target("CT", 2, SIZE) {
            return Self::from_xt(&view);
        }
        let made = |flags, zone| Self {
            flags,
            zone,
            events: 0,
            expectation_events: 0,
            helper: Vec::new(),
            timeout: Vec::new(),
        };
        if run.hinted(HINT_NOTRACK) {
            return None;
        }
        run.plain(|expr| matches!(expr, Expr::Notrack).then(|| made(NOTRACK, 0))).or_else(|| {
            run.set(|place, value| match place {
                Place::Ct { key: ct::ZONE, dir } => {
                    let id = u16::from_ne_bytes(value.constant()?.try_into().ok()?);
                    let flags = match dir {
                        Some(CtDir::Original) => ORIGINAL,
                        Some(CtDir::Reply) => REPLY,
                        None => 0,
                    };
                    // Zone 0 would print as no zone at all.
                    (id != 0).then(|| made(flags, id))
                }
                _ => None,
            })
        })
    }

    fn why_xt(&self) -> Option<&'static str> {
        let events = self.events != 0 || self.expectation_events != 0;
        let reason = match (events || !self.helper.is_empty() || !self.timeout.is_empty(), self.zone()) {
            (true, _) => 0,
            (_, Some(Zone { id: None, .. })) => 1,
            _ => 2,
        };
        Some(Self::WHY_XT[reason])
    }

    fn facts(&self) -> Facts<'_> {
        let facts = Facts::new(Effect::Rewrites).tables(&["raw"]);
        let facts = if self.flags & NOTRACK == 0 { facts.reassembles() } else { facts };
        if self.helper.is_empty() { facts } else { facts.helper(&self.helper) }
    }
}

impl Ct {
    /// The zone, if it is one: number 0 is what every connection has.
    fn zone(&self) -> Option<Zone> {
        let dir = match self.flags & (ORIGINAL | REPLY) {
            ORIGINAL => Some(CtDir::Original),
            REPLY => Some(CtDir::Reply),
            _ => None,
        };
        if self.flags & MARK != 0 {
            return Some(Zone { dir, id: None });
        }
        (self.zone != 0).then_some(Zone { dir, id: Some(self.zone) })
    }

    fn set_zone(&mut self, word: &Word<'_>, direction: u16) -> Parsed<()> {
        self.flags |= direction;
        self.zone = 0;
        if word.text.eq_ignore_ascii_case(b"mark") {
            self.flags |= MARK;
            return Ok(());
        }
        self.zone = number::parse_u16(&word.text, 0, u16::MAX).map_err(|error| {
            let shown = word.lossy();
            Box::new(
                Diagnostic::error(codes::BAD_VALUE, word.part(error.start, error.end), format!("`{shown}` is no zone"))
                    .help("a number from 0 to 65535, or `mark`")
                    .parameter(format!("Cannot parse {shown} as a zone ID")),
            )
        })?;
        Ok(())
    }

    fn write(&self, out: &mut Printer<'_>, dashes: &str) {
        if self.flags & NOTRACK != 0 {
            out.fmt(format_args!(" {dashes}notrack"));
        }
        for (name, text) in [("helper", &self.helper), ("timeout", &self.timeout)] {
            if !text.is_empty() {
                out.fmt(format_args!(" {dashes}{name}"));
                out.word(text);
            }
        }
        for (name, bits, names) in
            [("ctevents", self.events, &EVENTS[..]), ("expevents", self.expectation_events, &EXPECTATION_EVENTS)]
        {
            if bits != 0 {
                out.fmt(format_args!(" {dashes}{name} {}", event_names(bits, names)));
            }
        }
        if let Some(zone) = self.zone() {
            let side = match zone.dir {
                Some(CtDir::Original) => "-orig",
                Some(CtDir::Reply) => "-reply",
                None => "",
            };
            match zone.id {
                Some(id) => out.fmt(format_args!(" {dashes}zone{side} {id}")),
                None => out.fmt(format_args!(" {dashes}zone{side} mark")),
            }
        }
    }

    fn xt(&self) -> Vec<u8> {
        Info::new(SIZE)
            .u16(0, self.flags)
            .u16(2, self.zone)
            .u32(4, self.events)
            .u32(8, self.expectation_events)
            .bytes(12, &self.helper)
            .bytes(28, &self.timeout)
            .finish()
    }

    fn from_xt(view: &View<'_>) -> Option<Self> {
        let found = Self {
            flags: view.u16(0),
            zone: view.u16(2),
            events: view.u32(4),
            expectation_events: view.u32(8),
            helper: view.string(12, HELPER_LEN).to_vec(),
            timeout: view.string(28, TIMEOUT_LEN).to_vec(),
        };
        let known = found.flags & !(NOTRACK | ORIGINAL | REPLY | MARK) == 0
            && found.events >> EVENTS.len() == 0
            && found.expectation_events >> EXPECTATION_EVENTS.len() == 0
            && found.helper.len() < HELPER_LEN
            && found.timeout.len() < TIMEOUT_LEN;
        known.then_some(found)
    }
}

/// The text as a field of `len` bytes holds it, which needs a NUL at its end; the original cuts without a word too.
fn cut(word: &Word<'_>, len: usize) -> Vec<u8> {
    word.text[..word.text.len().min(len - 1)].to_vec()
}

fn event_names(bits: u32, names: &[&str]) -> String {
    let set = names.iter().enumerate().filter(|(bit, _)| bits & (1 << bit) != 0);
    set.map(|(_, name)| *name).collect::<Vec<_>>().join(",")
}

fn parse_events(word: &Word<'_>, names: &[&str]) -> Parsed<u32> {
    let (mut bits, mut start) = (0, 0);
    for part in word.text.split(|&b| b == b',') {
        let Some(bit) = names.iter().position(|name| name.as_bytes() == part) else {
            let classic = format!("Unknown event type \"{}\"", String::from_utf8_lossy(part));
            return Err(bad_choice(word, part, word.part(start, start + part.len()), names, classic));
        };
        bits |= 1 << bit;
        start += part.len() + 1;
    }
    Ok(bits)
}
