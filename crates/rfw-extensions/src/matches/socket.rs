//! `-m socket`: whether a socket waits for the packet.
//!
//! ```c
//! struct xt_socket_mtinfo3 { __u8 flags; };  /* xt_socket.h; transparent 1, nowildcard 2, restore-skmark 4 */
//! ```
//! xt in both encodings: nf_tables' `socket` answers otherwise for connections in TIME-WAIT (encoding.md 4.2).

use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::approximation::Approximation;
use crate::context::{Family, ParseCx};
use crate::facts::{Effect, Facts};
use crate::facts::hook;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 1;
const RESTORE_MARK: u8 = 4;
/// In the order in which they are written.
const FLAGS: [(&str, u8); 3] = [("transparent", 1), ("nowildcard", 2), ("restore-skmark", RESTORE_MARK)];

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// Bits of `FLAGS`.
    flags: u8,
}

impl Extension for Socket {
    const NAME: &'static str = "socket";
    const SUMMARY: &'static str = "whether a socket waits for the packet";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::flag("transparent", "only transparent sockets count"),
        OptionSpec::flag("nowildcard", "sockets that listen on every address count too"),
        OptionSpec::flag("restore-skmark", "the packet gets the mark of the socket"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables' `socket` answers otherwise for connections in TIME-WAIT",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let given = FLAGS.iter().filter(|(option, _)| uses.has(option));
        Ok(Self { flags: given.fold(0, |flags, (_, bit)| flags | bit) })
    }

    fn print(&self, out: &mut Printer<'_>) {
        for (option, _) in FLAGS.iter().filter(|(_, bit)| self.flags & bit != 0) {
            out.option(false, option);
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" socket");
        self.print(out);
    }

    fn lower(&self, out: &mut Lowering) {
        out.xt_match("socket", 3, Info::new(SIZE).u8(0, self.flags).finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let flags = run.xt_match("socket", 3, SIZE)?.u8(0);
        let known = FLAGS.iter().fold(0, |bits, (_, bit)| bits | bit);
        (flags & !known == 0).then_some(Self { flags })
    }

    fn approximate(&self, _family: Family) -> Option<Approximation> {
        let has = |bit: u8| self.flags & bit != 0;
        let mut parts = Vec::new();
        if !has(2) {
            parts.push("socket wildcard 0");
        }
        if has(1) {
            parts.push("socket transparent 1");
        }
        if parts.is_empty() {
            parts.push("socket transparent <= 1");
        }
        if has(RESTORE_MARK) {
            parts.push("meta mark set socket mark");
        }
        Some(Approximation::plain(
            parts.join(" "),
            &["sockets in TIME-WAIT are found where the match leaves them out, or the other way round"],
        ))
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(if self.flags & RESTORE_MARK != 0 { Effect::Rewrites } else { Effect::Pure }).reassembles().hooks(hook::PREROUTING | hook::INPUT)
    }
}
