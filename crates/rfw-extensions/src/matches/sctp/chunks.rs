//! `--chunk-types`: which chunks have to be present, and with which flags.

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::Expr;
use rfw_nft::expr::{CmpOp, REG_1, Reg};
use rfw_nft::predicate::{Field, Item, Relation, Value};
use rfw_nft::set::{Set, key};
use rfw_nft::xt::{Info, View};
use rfw_syntax::Word;
use rfw_values::ValueError;

use crate::Parsed;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{bad_choice, bad_value};

/// `XT_NUM_SCTP_FLAGS`.
const MOST_FLAGS: usize = 4;
const MAP: usize = 8;
const MAP_LEN: usize = 256;
const MODE: usize = 264;
const FLAG_INFO: usize = 268;
const FLAG_COUNT: usize = 280;

/// `SCTP_CHUNK_MATCH_*`.
const ANY: u32 = 1;
const ALL: u32 = 2;
const ONLY: u32 = 4;
const MODES: [(&str, u32); 3] = [("any", ANY), ("all", ALL), ("only", ONLY)];

/// Hint: `all` of one chunk, which is the same as `any`.
const ALL_OF_ONE: u8 = 52;
/// `NFT_EXTHDR_OP_SCTP`.
const SCTP_CHUNKS: u32 = 3;
/// `NFT_EXTHDR_F_PRESENT`.
const PRESENT: u32 = 1;
/// `NFT_REG32_00`.
const REG32_00: Reg = 8;
/// A concatenation of more has no type in nft.
const MOST_PARTS: usize = 5;
/// Two expressions each, of the 128 that a rule may have.
const MOST_TESTS: usize = 16;
/// `I_DATA`, `RE_CONFIG`, `PAD`, `I_FORWARD_TSN`: nft 1.0.6 has no names for them.
const UNKNOWN_TO_NFT: [u8; 4] = [64, 130, 132, 194];

/// Flags from bit 7 to 0; `-` has no name.
const NO_FLAGS: &[u8; 8] = b"--------";
const DATA_FLAGS: &[u8; 8] = b"----IUBE";
const T_FLAG: &[u8; 8] = b"-------T";

/// Name, type and flags in iptables' order, whose indices get into the payload.
const NAMES: [(&str, u8, &[u8; 8]); 22] = [
    ("DATA", 0, DATA_FLAGS),
    ("INIT", 1, NO_FLAGS),
    ("INIT_ACK", 2, NO_FLAGS),
    ("SACK", 3, NO_FLAGS),
    ("HEARTBEAT", 4, NO_FLAGS),
    ("HEARTBEAT_ACK", 5, NO_FLAGS),
    ("ABORT", 6, T_FLAG),
    ("SHUTDOWN", 7, NO_FLAGS),
    ("SHUTDOWN_ACK", 8, NO_FLAGS),
    ("ERROR", 9, NO_FLAGS),
    ("COOKIE_ECHO", 10, NO_FLAGS),
    ("COOKIE_ACK", 11, NO_FLAGS),
    ("ECN_ECNE", 12, NO_FLAGS),
    ("ECN_CWR", 13, NO_FLAGS),
    ("SHUTDOWN_COMPLETE", 14, T_FLAG),
    ("I_DATA", 64, DATA_FLAGS),
    ("RE_CONFIG", 130, NO_FLAGS),
    ("PAD", 132, NO_FLAGS),
    ("ASCONF", 193, NO_FLAGS),
    ("ASCONF_ACK", 128, NO_FLAGS),
    ("FORWARD_TSN", 192, NO_FLAGS),
    ("I_FORWARD_TSN", 194, NO_FLAGS),
];

/// The flags asked of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Flags {
    /// Index into `NAMES`, which 1.8.9 writes where the kernel reads a type. The two differ from `I_DATA` on: flags asked of
    /// such a chunk are asked of another one, or of none.
    index: u8,
    flag: u8,
    mask: u8,
}

/// The typed form.
#[derive(Clone, Debug)]
pub struct Chunks {
    mode: u32,
    /// A bit for each of `NAMES`; `None` for every type there may be.
    named: Option<u32>,
    /// In the order given, which means nothing, but payloads are compared byte by byte.
    flags: Vec<Flags>,
}

impl PartialEq for Chunks {
    fn eq(&self, other: &Self) -> bool {
        let sorted = |chunks: &Self| {
            let mut flags = chunks.flags.clone();
            flags.sort_unstable();
            flags
        };
        (self.mode, self.named) == (other.mode, other.named) && sorted(self) == sorted(other)
    }
}

impl Eq for Chunks {}

impl Chunks {
    /// Reads `any|all|only` and the list.
    ///
    /// # Errors
    /// With iptables' words.
    pub fn parse(mode: &Word<'_>, list: &Word<'_>) -> Parsed<Self> {
        let found = MODES.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(&mode.text));
        let Some((_, mode)) = found else {
            let classic = "Match type has to be one of \"ALL\", \"ANY\" or \"ONLY\"";
            let choices = MODES.map(|(name, _)| name);
            return Err(bad_choice(mode, &mode.text.to_ascii_lowercase(), mode.span, &choices, classic));
        };
        let mut chunks = Self { mode: *mode, named: Some(0), flags: Vec::new() };
        if list.text.eq_ignore_ascii_case(b"ALL") {
            chunks.named = None;
        } else if !list.text.eq_ignore_ascii_case(b"NONE") {
            let mut start = 0;
            for part in list.text.split(|&b| b == b',') {
                let end = start + part.len();
                if start < end {
                    chunks.add(list, start, end)?;
                }
                start = end + 1;
            }
        }
        Ok(chunks)
    }

    /// Adds `TYPE[:FLAGS]`, which stands at `start..end` of the word.
    fn add(&mut self, word: &Word<'_>, start: usize, end: usize) -> Parsed<()> {
        let part = word.text.get(start..end).unwrap_or_default();
        let colon = part.iter().position(|&b| b == b':').unwrap_or(part.len());
        let name = &part[..colon];
        let Some(index) = NAMES.iter().position(|(n, ..)| n.as_bytes().eq_ignore_ascii_case(name)) else {
            let classic = format!("Unknown sctp chunk `{}'", String::from_utf8_lossy(name));
            let choices = NAMES.map(|(name, ..)| name);
            let span = word.part(start, start + colon);
            return Err(bad_choice(word, &name.to_ascii_uppercase(), span, &choices, classic));
        };
        self.named = self.named.map(|bits| bits | 1 << index);
        for (at, letter) in part.iter().enumerate().skip(colon + 1) {
            let place = NAMES[index].2.iter().position(|&b| b == letter.to_ascii_uppercase());
            let Some(place) = place else {
                let error = ValueError::new(start + at, start + at + 1, flag_letters(NAMES[index].2));
                return Err(bad_value(word, &error, format!("Invalid flags for chunk type {index}")));
            };
            let bit = 0x80 >> place;
            if !self.ask(index, bit, letter.is_ascii_uppercase()) {
                return Err(too_many(word, start, end));
            }
        }
        Ok(())
    }

    /// Asks for one flag; whether there is room.
    fn ask(&mut self, index: usize, bit: u8, set: bool) -> bool {
        let index = u8::try_from(index).unwrap_or(u8::MAX);
        let at = match self.flags.iter().position(|f| f.index == index) {
            Some(at) => at,
            None if self.flags.len() == MOST_FLAGS => return false,
            None => {
                self.flags.push(Flags { index, flag: 0, mask: 0 });
                self.flags.len() - 1
            }
        };
        self.flags[at].mask |= bit;
        self.flags[at].flag |= if set { bit } else { 0 };
        true
    }

    /// ` any DATA:Be,INIT`; with numbers for names if `numeric`.
    pub fn write(&self, out: &mut Printer<'_>, numeric: bool) {
        let mode = MODES.iter().find(|(_, bits)| *bits == self.mode).map_or("", |(name, _)| name);
        out.fmt(format_args!(" {mode} "));
        let mut indices: Vec<usize> = match self.named {
            None => return out.text("ALL"),
            Some(0) => return out.text("NONE"),
            Some(named) => (0..NAMES.len()).filter(|index| named & (1 << index) != 0).collect(),
        };
        indices.sort_by_key(|index| NAMES[*index].1);
        for (count, index) in indices.into_iter().enumerate() {
            let (name, kind, letters) = NAMES[index];
            out.text(if count == 0 { "" } else { "," });
            if numeric {
                out.fmt(format_args!("0x{kind:04X}"));
            } else {
                out.text(name);
            }
            if let Some(flags) = self.flags.iter().find(|f| usize::from(f.index) == index) {
                out.text(":");
                out.text(&flag_text(*flags, letters));
            }
        }
    }

    /// Puts the chunks into the struct.
    #[must_use]
    pub fn put(&self, mut info: Info) -> Info {
        match self.named {
            None => info = info.bytes(MAP, &[0xff; MAP_LEN]),
            Some(named) => {
                let mut map = [0u32; 8];
                for (index, (_, kind, _)) in NAMES.iter().enumerate() {
                    if named & (1 << index) != 0 {
                        map[usize::from(*kind) / 32] |= 1 << (kind % 32);
                    }
                }
                for (word, bits) in map.into_iter().enumerate() {
                    info = info.u32(MAP + 4 * word, bits);
                }
            }
        }
        for (place, flags) in self.flags.iter().enumerate() {
            info = info.bytes(FLAG_INFO + 3 * place, &[flags.index, flags.flag, flags.mask]);
        }
        info.u32(MODE, self.mode).u32(FLAG_COUNT, u32::try_from(self.flags.len()).unwrap_or(0))
    }

    /// The chunks in the struct; what has no words comes out wrong or not at all, so compare what it makes again.
    #[must_use]
    pub fn get(view: &View<'_>) -> Option<Self> {
        let mode = view.u32(MODE);
        let count = usize::try_from(view.u32(FLAG_COUNT)).ok()?;
        if count > MOST_FLAGS || !MODES.iter().any(|(_, bits)| *bits == mode) {
            return None;
        }
        let all = view.slice(MAP, MAP_LEN).iter().all(|&b| b == 0xff);
        let has = |kind: u8| view.u32(MAP + usize::from(kind) / 32 * 4) & (1 << (kind % 32)) != 0;
        let named = NAMES.iter().enumerate().filter(|(_, (_, kind, _))| has(*kind)).map(|(index, _)| 1 << index).sum();
        let flags: Vec<Flags> = (0..count)
            .map(|place| view.array::<3>(FLAG_INFO + 3 * place))
            .map(|[index, flag, mask]| Flags { index, flag, mask })
            .collect();
        let chunks = Self { mode, named: (!all).then_some(named), flags };
        chunks.flags.iter().enumerate().all(|(at, flags)| chunks.can_say(at, *flags)).then_some(chunks)
    }

    /// The types, in order; `None` if it is every type, or some are asked for flags.
    fn types(&self) -> Option<Vec<u8>> {
        let named = self.named.filter(|_| self.flags.is_empty())?;
        let given = NAMES.iter().enumerate().filter(|(index, _)| named & (1 << index) != 0);
        let mut types: Vec<u8> = given.map(|(_, (_, kind, _))| *kind).collect();
        types.sort_unstable();
        Some(types)
    }

    /// Whether each type must be there (or, inverted, each must be missing): one test each.
    fn is_each(&self, inverted: bool) -> bool {
        (self.mode == ALL) != inverted
    }

    /// Whether there is an exact form in nf_tables that nft can show.
    #[must_use]
    pub fn is_native(&self, inverted: bool) -> bool {
        let most = if self.is_each(inverted) { MOST_TESTS } else { MOST_PARTS };
        self.mode != ONLY
            && self.types().is_some_and(|types| {
                (1..=most).contains(&types.len()) && types.iter().all(|kind| !UNKNOWN_TO_NFT.contains(kind))
            })
    }

    /// Appends the tests of [`Self::is_native`].
    pub fn lower(&self, inverted: bool, out: &mut Lowering) {
        let types = self.types().unwrap_or_default();
        let wanted = u8::from(!inverted);
        if types.len() == 1 && self.mode == ALL {
            out.hint(ALL_OF_ONE);
        }
        if self.is_each(inverted) || types.len() == 1 {
            for kind in types {
                out.push(present(kind, REG_1));
                out.equals(false, &[wanted]);
            }
            return;
        }
        // `any`: not all of them missing. `! all`: not all of them there.
        let part = u16::from(self.mode == ALL);
        for (kind, register) in types.iter().zip(REG32_00..) {
            out.push(present(*kind, if register == REG32_00 { REG_1 } else { register }));
        }
        let key_type = key::concat(&vec![key::BOOLEAN; types.len()]);
        let set = Set::of_parts(key_type, &vec![1; types.len()], [vec![(part, part); types.len()]]);
        out.in_set(true, set);
    }

    /// Takes such tests: whether inverted, and the chunks.
    pub fn lift(run: &mut Run<'_>) -> Option<(bool, Self)> {
        let all_of_one = run.hinted(ALL_OF_ONE);
        if let Some(Item::In { values, invert: true, set }) = run.peek(0) {
            let types: Vec<u8> = values.iter().map(chunk).collect::<Option<_>>()?;
            let [parts] = *set.keys()? else { return None };
            let part = *parts.first()?;
            let mode = [ANY, ALL][usize::from(part == 1)];
            let named = names(&types).filter(|_| parts == [part, 0, 0, 0].repeat(types.len()) && part < 2)?;
            run.take();
            return Some((mode == ALL, Self { mode, named: Some(named), flags: Vec::new() }));
        }
        let mut types = Vec::new();
        let mut wanted = None;
        while let Some(Item::Test { value, relation: Relation::Cmp(CmpOp::Eq, data) }) = run.peek(0) {
            let Some(kind) = chunk(value).filter(|kind| types.last().is_none_or(|last| last < kind)) else { break };
            let data = data.first().copied().filter(|part| data.len() == 1 && *part < 2);
            if data.is_none() || wanted.is_some_and(|wanted| Some(wanted) != data) {
                break;
            }
            wanted = data;
            types.push(kind);
            run.take();
        }
        let there = wanted? == 1;
        let mode = match (types.len(), there) {
            (1, _) if all_of_one => ALL,
            (1, _) | (_, false) => ANY,
            (_, true) => ALL,
        };
        Some((!there, Self { mode, named: Some(names(&types)?), flags: Vec::new() }))
    }

    fn can_say(&self, at: usize, flags: Flags) -> bool {
        let Some((_, _, letters)) = NAMES.get(usize::from(flags.index)) else { return false };
        let sayable: u8 = letters.iter().enumerate().filter(|(_, b)| **b != b'-').map(|(place, _)| 0x80 >> place).sum();
        self.named.is_some_and(|named| named & (1 << flags.index) != 0)
            && flags.mask != 0
            && flags.mask & !(sayable | 0x80) == 0
            && flags.flag & !(flags.mask & sayable) == 0
            && self.flags[..at].iter().all(|other| other.index != flags.index)
    }
}

/// Loads whether a chunk is there.
fn present(kind: u8, dreg: Reg) -> Expr {
    Expr::Exthdr { dreg, kind, offset: 0, len: 1, op: SCTP_CHUNKS, flags: PRESENT }
}

/// The type of the chunk whose presence a value is.
fn chunk(value: &Value) -> Option<u8> {
    match value.field {
        Field::Exthdr { kind, offset: 0, len: 1, op: SCTP_CHUNKS, flags: PRESENT } if value.ops.is_empty() => Some(kind),
        _ => None,
    }
}

/// The bits of `NAMES` for some types, if all have names.
fn names(types: &[u8]) -> Option<u32> {
    let bit = |kind: &u8| NAMES.iter().position(|(_, named, _)| named == kind).map(|index| 1 << index);
    types.iter().map(bit).collect::<Option<Vec<u32>>>().map(|bits| bits.into_iter().fold(0, |sum, bit| sum | bit))
}

/// The struct without `--chunk-types`: no place for flags is taken.
#[must_use]
pub fn unused(info: Info) -> Info {
    (0..MOST_FLAGS).fold(info, |info, place| info.u8(FLAG_INFO + 3 * place, 0xff))
}

/// Upper case for a flag that is to be set, lower case for one that is not.
fn flag_text(flags: Flags, letters: &[u8; 8]) -> String {
    let asked = letters.iter().enumerate().map(|(place, letter)| (0x80u8 >> place, char::from(*letter)));
    let letter = |(bit, letter): (u8, char)| if flags.flag & bit != 0 { letter } else { letter.to_ascii_lowercase() };
    asked.filter(|(bit, _)| flags.mask & bit != 0).map(letter).collect()
}

fn flag_letters(letters: &[u8; 8]) -> String {
    let named: Vec<String> =
        letters.iter().filter(|b| **b != b'-').map(|b| char::from(*b).to_string()).collect();
    if named.is_empty() {
        return "no flags: this chunk has none".into();
    }
    format!("flags of {}, small for one that is not set", named.join(", "))
}

fn too_many(word: &Word<'_>, start: usize, end: usize) -> Box<Diagnostic> {
    Box::new(
        Diagnostic::error(codes::BAD_VALUE, word.part(start, end), "flags are asked of five chunks")
            .help("the kernel keeps flags of four chunks in one match; write a second one")
            .parameter(
                "Number of chunk types with flags exceeds currently allowed limit. Increasing this limit involves changing \
                 IPT_NUM_SCTP_FLAGS and recompiling both the kernel space and user space modules",
            ),
    )
}
