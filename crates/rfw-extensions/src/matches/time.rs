//! `-m time`: dates, hours, days of week and month.
//!
//! ```c
//! struct xt_time_info {  /* xt_time.h; dates in seconds since 1970, hours in seconds since midnight */
//!     __u32 date_start, date_stop, daytime_start, daytime_stop, monthdays_match;
//!     __u8 weekdays_match, flags;  /* bit 1 Monday .. 7 Sunday; flags: kernel's zone 1, contiguous 2 */
//! };
//! ```
//! Native: `meta time` and `meta hour`, which are UTC, and `meta day`, which is of the kernel's time zone. So dates and hours
//! have a native form without `--kerneltz`, days of the week only with it and alone. Days of a month have none.

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::expr::{CmpOp, meta};
use rfw_nft::predicate::{Field, Item, Op, Relation};
use rfw_nft::set::{Set, key};
use rfw_nft::xt::Info;
use rfw_syntax::{OptionSpec, Word};
use rfw_values::ValueError;

use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::calendar::{self, DATE_FORM, TIME_FORM};
use crate::uses::{Uses, bad_choice, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 22;
/// In nanoseconds, what `meta time` counts.
const SECOND: u64 = 1_000_000_000;
const KERNEL_ZONE: u8 = 1;
const CONTIGUOUS: u8 = 2;
/// What iptables sends if no last date is given: the end of 31-bit time.
const NO_STOP: u32 = i32::MAX.cast_unsigned();
/// 23:59:59.
const DAY_END: u32 = 86_399;
/// Bits 1 to 31.
const ALL_MONTHDAYS: u32 = 0xffff_fffe;
/// Bits 1 to 7.
const ALL_WEEKDAYS: u8 = 0xfe;
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Time {
    date_start: u32,
    date_stop: u32,
    time_start: u32,
    time_stop: u32,
    monthdays: u32,
    weekdays: u8,
    /// Whether hours and days are those of the kernel's time zone, instead of UTC.
    pub kernel_zone: bool,
    contiguous: bool,
}

impl Extension for Time {
    const NAME: &'static str = "time";
    const SUMMARY: &'static str = "dates, hours, days of the week and the month";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("datestart", "YYYY[-MM[-DD[Thh[:mm[:ss]]]]]", "from this date on"),
        OptionSpec::value("datestop", "YYYY[-MM[-DD[Thh[:mm[:ss]]]]]", "up to this date"),
        OptionSpec::value("timestart", "hh:mm[:ss]", "from this time of day on").local_with("kerneltz"),
        OptionSpec::value("timestop", "hh:mm[:ss]", "up to this time of day").local_with("kerneltz"),
        OptionSpec::value("weekdays", "day,…", "on these days of the week: Mon or 1 to Sun or 7").invertible(),
        OptionSpec::value("monthdays", "day,…", "on these days of the month: 1 to 31").invertible(),
        OptionSpec::flag("localtz", "old name of --kerneltz").excludes(&["utc"]).warns(
            "WARNING: --localtz is being replaced by --kerneltz, since \"local\" is ambiguous. Note the kernel timezone has caveats - \
             see manpage for details.",
        ),
        OptionSpec::flag("utc", "times are UTC, the default").excludes(&["kerneltz"]),
        OptionSpec::flag("kerneltz", "times are those of the kernel's time zone"),
        OptionSpec::flag("contiguous", "hours that run over midnight are one period, of the day they begin on"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables knows no days of the month",
        "nf_tables counts hours and dates in UTC and days of the week in the kernel's zone",
        "hours that are `--contiguous`, all hours in other words, or dates that run backwards have no native form",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let date = |name: &str, default: u32| uses.word(name).map_or(Ok(default), parse_date);
        let time = |name: &str, default: u32| uses.word(name).map_or(Ok(default), parse_time);
        let monthdays = match uses.word("monthdays") {
            Some(word) => parse_monthdays(word)? ^ if uses.inverted("monthdays") { ALL_MONTHDAYS } else { 0 },
            None => ALL_MONTHDAYS,
        };
        let weekdays = match uses.word("weekdays") {
            Some(word) => parse_weekdays(word)? ^ if uses.inverted("weekdays") { ALL_WEEKDAYS } else { 0 },
            None => ALL_WEEKDAYS,
        };
        let parsed = Self {
            date_start: date("datestart", 0)?,
            date_stop: date("datestop", NO_STOP)?,
            time_start: time("timestart", 0)?,
            time_stop: time("timestop", DAY_END)?,
            monthdays,
            weekdays,
            kernel_zone: uses.has("kerneltz") || uses.has("localtz"),
            contiguous: uses.has("contiguous"),
        };
        if parsed.contiguous && !parsed.wraps() {
            return Err(Box::new(
                Diagnostic::error(codes::BAD_VALUE, uses.span("contiguous"), "the hours do not run over midnight")
                    .help("drop `--contiguous`, or give a `--timestop` before the `--timestart`")
                    .parameter("time: --contiguous only makes sense when stoptime is smaller than starttime"),
            ));
        }
        Ok(parsed)
    }

    fn print(&self, out: &mut Printer<'_>) {
        if (self.time_start, self.time_stop) != (0, DAY_END) {
            let (start, stop) = (calendar::time_text(self.time_start), calendar::time_text(self.time_stop));
            out.fmt(format_args!(" --timestart {start} --timestop {stop}"));
        }
        // No day at all can be said in one way only; the original prints an empty list, which it does not take back.
        match self.monthdays {
            ALL_MONTHDAYS => {}
            0 => out.fmt(format_args!(" ! --monthdays {}", monthdays(ALL_MONTHDAYS, false))),
            days => out.fmt(format_args!(" --monthdays {}", monthdays(days, false))),
        }
        match self.weekdays {
            ALL_WEEKDAYS => {}
            0 => out.fmt(format_args!(" ! --weekdays {}", weekdays(ALL_WEEKDAYS))),
            days => out.fmt(format_args!(" --weekdays {}", weekdays(days))),
        }
        if self.date_start != 0 {
            out.fmt(format_args!(" --datestart {}", calendar::date_text(self.date_start, 'T')));
        }
        out.fmt(format_args!(" --datestop {}", calendar::date_text(self.date_stop, 'T')));
        if self.kernel_zone {
            out.text(" --kerneltz");
        }
        if self.contiguous {
            out.text(" --contiguous");
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" TIME");
        if (self.time_start, self.time_stop) != (0, DAY_END) {
            let (start, stop) = (calendar::time_text(self.time_start), calendar::time_text(self.time_stop));
            out.fmt(format_args!(" from {start} to {stop}"));
        }
        if self.weekdays != ALL_WEEKDAYS {
            out.fmt(format_args!(" on {}", weekdays(self.weekdays)));
        }
        if self.monthdays != ALL_MONTHDAYS {
            out.fmt(format_args!(" on {}", monthdays(self.monthdays, true)));
        }
        if self.date_start != 0 {
            out.fmt(format_args!(" starting from {}", calendar::date_text(self.date_start, ' ')));
        }
        if self.date_stop != NO_STOP {
            out.fmt(format_args!(" until date {}", calendar::date_text(self.date_stop, ' ')));
        }
        if !self.kernel_zone {
            out.text(" UTC");
        }
        if self.contiguous {
            out.text(" contiguous");
        }
    }

    fn lower(&self, out: &mut Lowering) {
        if out.native() && self.is_native() {
            self.lower_native(out);
            return;
        }
        let flags =
            if self.kernel_zone { KERNEL_ZONE } else { 0 } | if self.contiguous { CONTIGUOUS } else { 0 };
        let info = Info::new(SIZE)
            .u32(0, self.date_start)
            .u32(4, self.date_stop)
            .u32(8, self.time_start)
            .u32(12, self.time_stop)
            .u32(16, self.monthdays)
            .u8(20, self.weekdays)
            .u8(21, flags);
        out.xt_match("time", 0, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if let Some(found) = Self::lift_native(run) {
            return Some(found);
        }
        let view = run.xt_match("time", 0, SIZE)?;
        let flags = view.u8(21);
        let found = Self {
            date_start: view.u32(0),
            date_stop: view.u32(4),
            time_start: view.u32(8),
            time_stop: view.u32(12),
            // Bit 0 is no day; iptables sets it for an empty item of a list.
            monthdays: view.u32(16) & ALL_MONTHDAYS,
            weekdays: view.u8(20) & ALL_WEEKDAYS,
            kernel_zone: flags & KERNEL_ZONE != 0,
            contiguous: flags & CONTIGUOUS != 0,
        };
        let sayable = flags & !(KERNEL_ZONE | CONTIGUOUS) == 0
            && found.date_start <= calendar::LAST
            && found.date_stop <= calendar::LAST
            && found.time_start <= DAY_END
            && found.time_stop <= DAY_END
            && (!found.contiguous || found.wraps());
        sayable.then_some(found)
    }

    fn why_xt(&self) -> Option<&'static str> {
        let reason = match (self.monthdays == ALL_MONTHDAYS, self.kernel_zone, self.weekdays == ALL_WEEKDAYS) {
            (false, ..) => 0,
            (_, true, _) | (.., false) => 1,
            _ => 2,
        };
        Some(Self::WHY_XT[reason])
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Limits)
    }
}

impl Time {
    fn wraps(&self) -> bool {
        self.time_stop < self.time_start
    }

    fn every_hour(&self) -> bool {
        (self.time_start, self.time_stop) == (0, DAY_END)
    }

    fn is_native(&self) -> bool {
        let zone = if self.kernel_zone {
            // The last date is what iptables sends without one: hours do not matter to it.
            self.every_hour() && self.date_start == 0 && self.date_stop == NO_STOP && !matches!(self.weekdays, 0 | ALL_WEEKDAYS)
        } else {
            // Equal hours are every hour to the xt match; so is what wraps and leaves nothing out.
            self.weekdays == ALL_WEEKDAYS && self.time_start != self.time_stop && self.time_start != self.time_stop + 1
        };
        zone && !self.contiguous && self.monthdays == ALL_MONTHDAYS && self.date_start <= self.date_stop
    }

    fn lower_native(&self, out: &mut Lowering) {
        let date = |out: &mut Lowering, op: CmpOp, seconds: u32| {
            out.meta(meta::TIME_NS);
            out.hton(8, 8);
            out.cmp(op, &(u64::from(seconds) * SECOND).to_be_bytes());
        };
        if self.date_start != 0 {
            date(out, CmpOp::Gte, self.date_start);
        }
        date(out, CmpOp::Lt, self.date_stop + 1);
        if !self.every_hour() {
            out.meta(meta::TIME_HOUR);
            out.hton(4, 4);
            let (from, to) = if self.wraps() {
                (self.time_stop + 1, self.time_start - 1)
            } else {
                (self.time_start, self.time_stop)
            };
            out.in_range(self.wraps(), &from.to_be_bytes(), &to.to_be_bytes());
        }
        if self.weekdays != ALL_WEEKDAYS {
            out.meta(meta::TIME_DAY);
            // nft's week begins with Sunday, as 0.
            let days: Vec<[u8; 1]> = (1..8).filter(|day| self.weekdays & (1 << day) != 0).map(|day| [day % 7]).collect();
            match days.as_slice() {
                [day] => out.equals(false, day),
                several => {
                    out.in_set(false, Set::of_keys(key::DAY, 1, several.iter().map(<[u8; 1]>::as_slice)));
                }
            }
        }
    }

    fn lift_native(run: &mut Run<'_>) -> Option<Self> {
        let start = run.position();
        let found = Self::claim(run).filter(Self::is_native);
        if found.is_none() {
            run.rewind(start);
        }
        found
    }

    fn claim(run: &mut Run<'_>) -> Option<Self> {
        let date_start = lift_date(run, CmpOp::Gte).unwrap_or(0);
        let date_stop = lift_date(run, CmpOp::Lt)?.checked_sub(1)?;
        let (mut time_start, mut time_stop) = (0, DAY_END);
        let network = [Op::Byteorder { hton: true, len: 4, size: 4 }];
        if let Some((inverted, from, to)) = run.range(&Field::Meta(meta::TIME_HOUR), &network) {
            let (from, to) = (u32::from_be_bytes(from.try_into().ok()?), u32::from_be_bytes(to.try_into().ok()?));
            (time_start, time_stop) = if inverted { (to + 1, from.checked_sub(1)?) } else { (from, to) };
            // What is inverted wraps, and only that.
            if (time_stop < time_start) != inverted {
                return None;
            }
        }
        let day = Field::Meta(meta::TIME_DAY);
        let days = match run.equality(&day) {
            Some((inverted, day)) => (!inverted).then(|| vec![day]),
            None => match run.in_set(std::slice::from_ref(&day)) {
                Some((inverted, set)) => set.keys().filter(|_| !inverted),
                None => Some(Vec::new()),
            },
        }?;
        let bit = |day: &&[u8]| match day {
            [0] => Some(1 << 7),
            [day @ 1..7] => Some(1 << day),
            _ => None,
        };
        let weekdays: u8 = days.iter().map(bit).collect::<Option<Vec<u8>>>()?.iter().fold(0, |sum, bit| sum | bit);
        let (weekdays, kernel_zone) = if days.is_empty() { (ALL_WEEKDAYS, false) } else { (weekdays, true) };
        let sayable = date_start <= calendar::LAST && date_stop <= calendar::LAST && time_start <= DAY_END && time_stop <= DAY_END;
        sayable.then_some(Self {
            date_start,
            date_stop,
            time_start,
            time_stop,
            monthdays: ALL_MONTHDAYS,
            weekdays,
            kernel_zone,
            contiguous: false,
        })
    }
}

/// Takes a comparison of the time, in whole seconds.
fn lift_date(run: &mut Run<'_>, wanted: CmpOp) -> Option<u32> {
    let Some(Item::Test { value, relation: Relation::Cmp(op, data) }) = run.peek(0) else { return None };
    let network = [Op::Byteorder { hton: true, len: 8, size: 8 }];
    if value.field != Field::Meta(meta::TIME_NS) || value.ops.as_slice() != network || *op != wanted {
        return None;
    }
    let time = u64::from_be_bytes(data.as_slice().try_into().ok()?);
    let seconds = u32::try_from(time / SECOND).ok().filter(|_| time % SECOND == 0)?;
    run.take();
    Some(seconds)
}

fn parse_date(word: &Word<'_>) -> Parsed<u32> {
    calendar::parse_date(&word.text).map_err(|error| {
        bad_value(
            word,
            &error,
            format!("Invalid date \"{}\" specified. Should be {DATE_FORM}", word.lossy()),
        )
    })
}

fn parse_time(word: &Word<'_>) -> Parsed<u32> {
    calendar::parse_time(&word.text).map_err(|error| {
        let rest = String::from_utf8_lossy(&word.text[error.start..]).into_owned();
        let classic = format!(
            "invalid time \"{rest}\" specified, should be {TIME_FORM} format and within the boundaries"
        );
        bad_value(word, &error, classic)
    })
}

/// `1,2,31`; empty items say nothing, but there must be a day.
fn parse_monthdays(word: &Word<'_>) -> Parsed<u32> {
    let (mut days, mut at) = (0, 0);
    for item in word.text.split(|&b| b == b',') {
        if !item.is_empty() {
            let day = calendar::number(item).filter(|day| (1..=31).contains(day) && item.len() <= 2);
            let Some(day) = day else {
                let error = ValueError::new(at, at + item.len(), "a day from 1 to 31; commas stand between days");
                // The original reads two characters of each item.
                let shown = String::from_utf8_lossy(&item[..item.len().min(2)]).into_owned();
                return Err(bad_value(word, &error, format!("{shown} is not a valid day for --monthdays")));
            };
            days |= 1 << day;
        }
        at += item.len() + 1;
    }
    if days == 0 {
        let error = ValueError::whole(&word.text, "at least one day from 1 to 31");
        return Err(bad_value(
            word,
            &error,
            format!("{} is not a valid day for --monthdays", word.lossy()),
        ));
    }
    Ok(days)
}

/// `Mon,Tue` or `1,2`: names, their beginnings from two letters on, numbers with Monday as 1.
fn parse_weekdays(word: &Word<'_>) -> Parsed<u8> {
    let text = word.text.strip_suffix(b",").filter(|t| !t.is_empty()).unwrap_or(&word.text);
    let (mut days, mut at) = (0, 0);
    for item in text.split(|&b| b == b',') {
        let named = WEEKDAYS.iter().position(|name| item.len() >= 2 && name.as_bytes().starts_with(item));
        let index = match (named, item) {
            (Some(index), _) => index,
            (None, &[digit @ b'1'..=b'7']) => usize::from(digit - b'1'),
            _ => {
                let classic = if item.is_empty() || item == b"0" {
                    "No, the week does NOT begin with Sunday.".to_owned()
                } else {
                    // The original shows three characters of the item.
                    let shown = &item[..item.len().min(3)];
                    format!("{} is not a valid day specifier", String::from_utf8_lossy(shown))
                };
                let names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
                return Err(bad_choice(word, item, word.part(at, at + item.len()), &names, classic));
            }
        };
        days |= 2 << index;
        at += item.len() + 1;
    }
    Ok(days)
}

fn weekdays(days: u8) -> String {
    let given = WEEKDAYS.iter().enumerate().filter(|(index, _)| days & (2 << index) != 0);
    given.map(|(_, name)| &name[..3]).collect::<Vec<_>>().join(",")
}

fn monthdays(days: u32, ordinal: bool) -> String {
    let given = (1..32).filter(|day| days & (1 << day) != 0);
    let suffix = |day: u32| match day % 10 {
        _ if !ordinal => "",
        // Of 11 to 13 too, as in the original.
        1 => "st",
        2 => "nd",
        3 => "rd",
        _ => "th",
    };
    given.map(|day| format!("{day}{}", suffix(day))).collect::<Vec<_>>().join(",")
}
