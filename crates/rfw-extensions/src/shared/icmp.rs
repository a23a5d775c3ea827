//! Types and codes of ICMP and ICMPv6, by name and by number.
//!
//! Native: that there is a header, and its bytes, if the rule names the protocol. The xt match drops what is too short for an
//! ICMP header; there a native load merely does not match. Of `! TYPE/CODE` nft would list a comparison of both bytes wrongly, so they are
//! looked for in a set. Type 255 of IPv4 is every type to the xt match, with `!` or a code it stays xt.
//!
//! ```c
//! struct ipt_icmp { __u8 type, code[2], invflags; };  /* ip_tables.h; ip6t_icmp is alike */
//! ```

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::expr::{Base, CmpOp};
use rfw_nft::predicate::Field;
use rfw_nft::set::{Set, key};
use rfw_nft::xt::Info;
use rfw_syntax::Word;
use rfw_values::ValueError;
use rfw_values::number::prefix;

use crate::Parsed;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::header;
use crate::uses::{Uses, bad_choice, bad_value};

const SIZE: usize = 4;

/// A name: type, lowest and highest code.
pub type Named = (&'static str, u8, u8, u8);

/// What differs between the two protocols.
#[derive(Debug)]
pub struct Dialect {
    /// The xt match.
    pub xt: &'static str,
    /// The option's name.
    pub option: &'static str,
    /// The protocol's number.
    pub protocol: u8,
    /// nft's types of a type and of a code.
    pub keys: [u32; 2],
    /// What listings say: `icmp`.
    pub word: &'static str,
    /// What complaints say: `ICMP`.
    pub title: &'static str,
    /// The type that stands for every type, if there is one.
    pub any: Option<u8>,
    /// Names, each followed by its synonyms.
    pub names: &'static [Named],
}

/// A type with its codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeCode {
    /// Whether `!` stood before it.
    pub inverted: bool,
    /// The type.
    pub kind: u8,
    /// The code; `None` is every code.
    pub code: Option<u8>,
}

impl TypeCode {
    /// Reads the option.
    ///
    /// # Errors
    /// With iptables' words.
    pub fn parse(uses: &Uses<'_, '_>, dialect: &Dialect) -> Parsed<Self> {
        match uses.word(dialect.option) {
            Some(word) => Self::read(word, uses.inverted(dialect.option), dialect),
            // The grammar has asked for the option already.
            None => Ok(Self { inverted: false, kind: dialect.any.unwrap_or(0), code: None }),
        }
    }

    /// Reads a name, the beginning of just one name, `type` or `type/code`.
    fn read(word: &Word<'_>, inverted: bool, dialect: &Dialect) -> Parsed<Self> {
        let text: &[u8] = &word.text;
        let begins = |name: &str| {
            name.as_bytes().get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text))
        };
        let mut found = dialect.names.iter().filter(|(name, ..)| begins(name));
        match (found.next(), found.next()) {
            (Some(&(_, kind, lo, hi)), None) => Ok(Self { inverted, kind, code: (lo == hi).then_some(lo) }),
            (Some((first, ..)), Some((second, ..))) => {
                let shown = word.lossy();
                Err(Box::new(
                    Diagnostic::error(codes::BAD_VALUE, word.span, format!("`{shown}` begins several names"))
                        .help(format!("write out `{first}`, `{second}` or another one"))
                        .parameter(format!(
                            "Ambiguous {} type `{shown}': `{first}' or `{second}'?",
                            dialect.title
                        )),
                ))
            }
            (None, _) => Self::parse_number(word, inverted, dialect),
        }
    }

    fn parse_number(word: &Word<'_>, inverted: bool, dialect: &Dialect) -> Parsed<Self> {
        let text: &[u8] = &word.text;
        let slash = text.iter().position(|&b| b == b'/');
        let kind_text = &text[..slash.unwrap_or(text.len())];
        let range_end = |(_, used): &(u8, usize)| {
            kind_text.get(*used) != Some(&b':') || byte(&kind_text[used + 1..]).is_some()
        };
        let Some((kind, used)) = byte(kind_text).filter(range_end) else {
            let classic = format!("Unknown {} type `{}'", dialect.title, word.lossy());
            let names: Vec<&str> = dialect.names.iter().map(|(name, ..)| *name).collect();
            let mut diagnostic = *bad_choice(word, kind_text, word.part(0, kind_text.len()), &names, classic);
            if rfw_values::suggest(kind_text, names).is_none() {
                diagnostic.help = Some("a name, a number from 0 to 255, or TYPE/CODE".into());
            }
            return Err(Box::new(diagnostic));
        };
        if let Some((_, more)) = kind_text.get(used + 1..).filter(|_| kind_text[used] == b':').and_then(byte)
        {
            stray(word, used + 1 + more, kind_text.len())?;
            let error = ValueError::new(used, kind_text.len(), "one type");
            return Err(bad_value(word, &error, format!("{} type range not supported", dialect.title)));
        }
        stray(word, used, kind_text.len())?;
        let Some(slash) = slash else { return Ok(Self { inverted, kind, code: None }) };
        let Some((code, used)) = byte(&text[slash + 1..]) else {
            let error = ValueError::new(slash + 1, text.len(), "a code from 0 to 255");
            return Err(bad_value(
                word,
                &error,
                format!("Unknown {} code `{}'", dialect.title, word.lossy()),
            ));
        };
        stray(word, slash + 1 + used, text.len())?;
        Ok(Self { inverted, kind, code: Some(code) })
    }

    fn is_any(self, dialect: &Dialect) -> bool {
        dialect.any == Some(self.kind) && self.code.is_none()
    }

    /// ` --icmp-type 3/4`.
    pub fn print(self, out: &mut Printer<'_>, dialect: &Dialect) {
        out.option(self.inverted, dialect.option);
        if self.is_any(dialect) {
            out.text(" any");
            return;
        }
        out.fmt(format_args!(" {}", self.kind));
        if let Some(code) = self.code {
            out.fmt(format_args!("/{code}"));
        }
    }

    /// ` icmp echo-request`, ` icmptype 8`, ` icmp !type 8 code 0`.
    pub fn list(self, out: &mut Printer<'_>, dialect: &Dialect) {
        let (lo, hi) = self.codes();
        let same = |named: &&Named| (named.1, named.2, named.3) == (self.kind, lo, hi);
        let name = dialect.names.iter().find(same).filter(|_| !out.numeric);
        out.fmt(format_args!(" {}", dialect.word));
        if let Some((name, ..)) = name {
            out.fmt(format_args!(" {}{name}", if self.inverted { "!" } else { "" }));
            return;
        }
        out.fmt(format_args!("{}type {}", if self.inverted { " !" } else { "" }, self.kind));
        if let Some(code) = self.code {
            out.fmt(format_args!(" code {code}"));
        }
    }

    fn codes(self) -> (u8, u8) {
        self.code.map_or((0, u8::MAX), |code| (code, code))
    }

    /// Appends the match.
    pub fn lower(self, out: &mut Lowering, dialect: &Dialect) {
        let every = dialect.any == Some(self.kind);
        let exact = !every || (self.code.is_none() && !self.inverted);
        if out.native() && exact && out.protocol == Some((dialect.protocol, false)) {
            header::lower(out);
            match self.code {
                None if every => {
                    out.payload(Base::Transport, 0, 1);
                    out.cmp(CmpOp::Gte, &[0]);
                }
                None => {
                    out.payload(Base::Transport, 0, 1);
                    out.equals(self.inverted, &[self.kind]);
                }
                Some(code) if !self.inverted => {
                    out.payload(Base::Transport, 0, 2);
                    out.equals(false, &[self.kind, code]);
                }
                Some(code) => {
                    out.payload(Base::Transport, 0, 1);
                    out.payload_behind(Base::Transport, 1, 1);
                    let [kind, code] = [self.kind, code].map(u16::from);
                    let member = vec![(kind, kind), (code, code)];
                    out.in_set(true, Set::of_parts(key::concat(&dialect.keys), &[1, 1], [member]));
                }
            }
            return;
        }
        let (lo, hi) = self.codes();
        let info = Info::new(SIZE).u8(0, self.kind).u8(1, lo).u8(2, hi).u8(3, self.inverted.into());
        out.xt_match(dialect.xt, 0, info.finish());
    }

    fn lift_native(run: &mut Run<'_>, dialect: &Dialect) -> Option<Self> {
        let start = run.position();
        let found = if header::lift(run) { Self::claim(run, dialect) } else { None };
        if found.is_none() {
            run.rewind(start);
        }
        found
    }

    fn claim(run: &mut Run<'_>, dialect: &Dialect) -> Option<Self> {
        if let Some((inverted, set)) = run.in_set(&[field(0, 1), field(1, 1)]) {
            let [key] = *set.keys()? else { return None };
            let [kind, 0, 0, 0, code, 0, 0, 0] = *key else { return None };
            return (dialect.any != Some(kind)).then_some(Self { inverted, kind, code: Some(code) });
        }
        if let Some((inverted, data)) = run.equality(&field(0, 2)) {
            let [kind, code] = *data else { return None };
            return (dialect.any != Some(kind)).then_some(Self { inverted, kind, code: Some(code) });
        }
        let test = run.masked(&field(0, 1)).filter(|test| test.mask.is_none())?;
        let [kind] = *test.value else { return None };
        match (test.op, kind, dialect.any) {
            (CmpOp::Gte, 0, Some(any)) => Some(Self { inverted: false, kind: any, code: None }),
            (_, kind, any) if any == Some(kind) => None,
            (CmpOp::Eq, ..) => Some(Self { inverted: false, kind, code: None }),
            (CmpOp::Neq, ..) => Some(Self { inverted: true, kind, code: None }),
            _ => None,
        }
    }

    /// Takes the match; one with a range of codes has no words.
    pub fn lift(run: &mut Run<'_>, dialect: &Dialect) -> Option<Self> {
        if run.protocol == Some((dialect.protocol, false))
            && let Some(found) = Self::lift_native(run, dialect)
        {
            return Some(found);
        }
        let view = run.xt_match(dialect.xt, 0, SIZE)?;
        let code = match (view.u8(1), view.u8(2)) {
            (0, u8::MAX) => None,
            (lo, hi) if lo == hi => Some(lo),
            _ => return None,
        };
        let inverted = match view.u8(3) {
            0 => false,
            1 => true,
            _ => return None,
        };
        Some(Self { inverted, kind: view.u8(0), code })
    }
}

/// Bytes of the ICMP header.
const fn field(offset: u32, len: u32) -> Field {
    Field::Payload { base: Base::Transport, offset, len }
}

/// The byte at the front of the text and how many characters it takes.
fn byte(text: &[u8]) -> Option<(u8, usize)> {
    let (value, used) = prefix(text)?;
    Some((u8::try_from(value).ok()?, used))
}

fn stray(word: &Word<'_>, at: usize, end: usize) -> Parsed<()> {
    let Some(&byte) = word.text.get(at).filter(|_| at < end) else { return Ok(()) };
    let error = ValueError::new(at, end, "a name, a number, or TYPE/CODE");
    Err(bad_value(word, &error, format!("unknown character {}", char::from(byte))))
}
