//! An ipset and which addresses or ports of a packet are looked up in it: `struct xt_set_info` (`xt_set.h`), which the
//! match and the target have in common:
//!
//! ```c
//! struct xt_set_info { ip_set_id_t index; __u8 dim, flags; };   /* flags: bit n for dimension n from 1: source */
//! ```

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::xt::View;
use rfw_syntax::Word;
use rfw_values::ValueError;

use crate::Parsed;
use crate::context::{Names, ParseCx};
use crate::facts::SetUse;
use crate::printer::Printer;
use crate::uses::bad_value;

/// `IPSET_MAXNAMELEN`, less the NUL.
const NAME_MAX: usize = 31;
/// `IPSET_DIM_MAX`.
const DIMENSIONS: usize = 6;
/// `IPSET_INV_MATCH`.
pub const INVERTED: u8 = 1;
/// `IPSET_INVALID_ID`.
pub const NO_SET: u16 = u16::MAX;

/// A set and the dimensions asked of it. The kernel knows the set by its index; the name is kept for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetRef {
    /// The kernel's index.
    pub index: u16,
    /// The name that the set had when the index was looked up.
    pub name: String,
    /// How many dimensions, 1 to 6.
    pub dimensions: u8,
    /// Bit n, from 1: dimension n is the source.
    pub sources: u8,
}

impl SetRef {
    /// Reads `NAME src,dst`.
    ///
    /// # Errors
    /// With iptables' words: a name too long, no such set, a direction that is none.
    pub fn parse(name: &Word<'_>, directions: &Word<'_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        if name.text.len() > NAME_MAX {
            let error = ValueError::new(NAME_MAX, name.text.len(), "at most 31 bytes");
            let classic = format!("setname `{}' too long, max {NAME_MAX} characters.", name.lossy());
            return Err(bad_value(name, &error, classic));
        }
        let index = cx.names.set_index(&name.text, cx.family).map_err(|classic| {
            let shown = name.lossy();
            Box::new(
                Diagnostic::error(codes::NO_SUCH_SET, name.span, classic.trim_end())
                    .help(format!(
                        "`ipset list -t` shows the sets there are; `ipset create {shown} hash:ip` makes one"
                    ))
                    .parameter(classic),
            )
        })?;
        let (dimensions, sources) = parse_directions(directions)?;
        Ok(Self { index, name: name.lossy().into_owned(), dimensions, sources })
    }

    /// Reads the struct; `None` if there is no such set (any more) or the dimensions have no words.
    #[must_use]
    pub fn read(view: &View<'_>, at: usize, names: &dyn Names) -> Option<Self> {
        let (index, dimensions, flags) = (view.u16(at), view.u8(at + 2), view.u8(at + 3));
        let sources = flags & !INVERTED;
        let possible = 2u8.checked_shl(dimensions.into()).unwrap_or(0).wrapping_sub(2);
        let sayable = (1..=DIMENSIONS).contains(&dimensions.into()) && sources & !possible == 0;
        let name = names.set_name(index).filter(|_| sayable)?;
        Some(Self { index, name, dimensions, sources })
    }

    /// As a fact.
    #[must_use]
    pub fn in_use(&self, inverted: bool) -> SetUse<'_> {
        let (dimensions, sources) = (self.dimensions, self.sources);
        SetUse { name: &self.name, dimensions, sources, inverted, exceptions: false }
    }

    /// The four bytes.
    #[must_use]
    pub fn bytes(&self, inverted: bool) -> [u8; 4] {
        let [low, high] = self.index.to_ne_bytes();
        [low, high, self.dimensions, self.sources | if inverted { INVERTED } else { 0 }]
    }

    /// ` NAME src,dst`. The original never quotes the name; one that would not be read back is quoted here.
    pub fn print(&self, out: &mut Printer<'_>) {
        let odd = |b: u8| b.is_ascii_whitespace() || b == b'"';
        if self.name.is_empty() || self.name.bytes().any(odd) {
            out.quoted(self.name.as_bytes());
            self.directions(out);
        } else {
            self.list(out);
        }
    }

    /// ` NAME src,dst`.
    pub fn list(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" {}", self.name));
        self.directions(out);
    }

    fn directions(&self, out: &mut Printer<'_>) {
        for dimension in 1..=self.dimensions {
            let word = if self.sources & (1 << dimension) != 0 { "src" } else { "dst" };
            out.fmt(format_args!("{}{word}", if dimension == 1 { ' ' } else { ',' }));
        }
    }
}

/// The bytes of a set that is not named.
#[must_use]
pub const fn no_set() -> [u8; 4] {
    let [low, high] = NO_SET.to_ne_bytes();
    [low, high, 0, 0]
}

fn parse_directions(word: &Word<'_>) -> Parsed<(u8, u8)> {
    let (mut dimensions, mut sources, mut start) = (0u8, 0u8, 0);
    for part in word.text.split(|&b| b == b',') {
        if usize::from(dimensions) == DIMENSIONS {
            let error = ValueError::new(start, word.text.len(), "at most 6 directions");
            return Err(bad_value(word, &error, "Can't be more src/dst options than 6."));
        }
        dimensions += 1;
        // The original looks at three letters alone.
        if part.starts_with(b"src") {
            sources |= 1 << dimensions;
        } else if !part.starts_with(b"dst") {
            let error = ValueError::new(start, start + part.len(), "`src` or `dst`, with commas between");
            let classic = "You must spefify (the comma separated list of) 'src' or 'dst'.";
            return Err(bad_value(word, &error, classic).map_later(classic.replace("spefify", "specify")));
        }
        start += part.len() + 1;
    }
    Ok((dimensions, sources))
}
