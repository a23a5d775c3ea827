//! `-m sctp`: ports and chunks of SCTP.
//!
//! Native: the ports, and whether chunks are there; several of them as one key, looked for in a set, or with one test each.
//! That there is a header is tested too: a fragment has chunks to nobody. `only`, flags and chunks that nft cannot name stay xt.
//!
//! ```c
//! struct xt_sctp_info {  /* xt_sctp.h, host order */
//!     __u16 dpts[2], spts[2];
//!     __u32 chunkmap[64];  /* a bit for each type in the first eight; all 64 are ones for ALL */
//!     __u32 chunk_match_type;
//!     struct { __u8 chunktype, flag, flag_mask; } flag_info[4];
//!     int flag_count;
//!     __u32 flags, invflags;
//! };
//! ```

mod chunks;

use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;
use rfw_values::PortRange;

use crate::context::ParseCx;
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::header;
use crate::shared::ports::{MULTIPORT, port_error};
use crate::shared::xt_ports::XtPorts;
use crate::uses::Uses;
use crate::{Extension, Parsed};
use chunks::Chunks;

const SIZE: usize = 292;
/// `IPPROTO_SCTP`.
const SCTP: u8 = 132;
/// `XT_SCTP_CHUNK_TYPES`.
const CHUNKS: u8 = 4;

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sctp {
    ports: XtPorts,
    chunks: Option<(bool, Chunks)>,
}

impl Extension for Sctp {
    const NAME: &'static str = "sctp";
    const IMPLIED_BY: &'static [&'static str] = &["sctp", "132"];
    const SUMMARY: &'static str = "ports and chunks of SCTP";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("source-port", "port[:port]", "source port or range").invertible().conflict("Only one `--source-port' allowed"),
        OptionSpec::value("sport", "port[:port]", "source port or range").invertible().conflict("Only one `--source-port' allowed").alias_of("source-port"),
        OptionSpec::value("destination-port", "port[:port]", "destination port or range").invertible().conflict("Only one `--destination-port' allowed"),
        OptionSpec::value("dport", "port[:port]", "destination port or range").invertible().conflict("Only one `--destination-port' allowed").alias_of("destination-port"),
        OptionSpec::two("chunk-types", "all|any|only type[:flags],...", "all, any, or only these chunks are present")
            .invertible()
            .conflict("Only one `--chunk-types' allowed")
            .second_missing("--chunk-types requires two args"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "`only`, flags of chunks and the chunks that nft does not know have no native form, nor have very many chunks",
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        let ports = |name: &str| -> Parsed<Option<(bool, PortRange)>> {
            let Some(word) = uses.word(name) else { return Ok(None) };
            let range = PortRange::parse(&word.text, Some("sctp"), cx.names).map_err(|error| port_error(word, &error))?;
            Ok(Some((uses.inverted(name), range)))
        };
        let chunks = match uses.get("chunk-types").map(|used| (used.inverted, &used.values)) {
            Some((inverted, [Some(mode), Some(list)])) => Some((inverted, Chunks::parse(mode, list)?)),
            _ => None,
        };
        Ok(Self { ports: XtPorts { source: ports("source-port")?, destination: ports("destination-port")? }, chunks })
    }

    fn print(&self, out: &mut Printer<'_>) {
        self.ports.print(out);
        if let Some((inverted, chunks)) = &self.chunks {
            out.option(*inverted, "chunk-types");
            chunks.write(out, false);
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" sctp");
        self.ports.list(out, "sctp");
        if let Some((inverted, chunks)) = &self.chunks {
            out.text(if *inverted { " !" } else { "" });
            chunks.write(out, out.numeric);
        }
    }

    fn lower(&self, out: &mut Lowering) {
        let plain = self.chunks.as_ref().is_none_or(|(inverted, chunks)| chunks.is_native(*inverted));
        if !out.native() || out.protocol != Some((SCTP, false)) || !plain {
            out.xt_match("sctp", 0, self.xt());
            return;
        }
        header::lower(out);
        self.ports.lower(out);
        if let Some((inverted, chunks)) = &self.chunks {
            chunks.lower(*inverted, out);
        }
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let other = run.hinted(MULTIPORT);
        if run.protocol == Some((SCTP, false)) && !other && header::lift(run) {
            let ports = XtPorts::lift(run);
            let start = run.position();
            let chunks = Chunks::lift(run);
            if chunks.is_none() {
                run.rewind(start);
            }
            return Some(Self { ports, chunks });
        }
        let view = run.xt_match("sctp", 0, SIZE)?;
        let (flags, inverted) = (u8::try_from(view.u32(284)).ok()?, u8::try_from(view.u32(288)).ok()?);
        let chunks = if flags & CHUNKS == 0 { None } else { Some((inverted & CHUNKS != 0, Chunks::get(&view)?)) };
        let lifted = Self { ports: XtPorts::get(&view, flags, inverted)?, chunks };
        (lifted.xt() == view.slice(0, SIZE.next_multiple_of(8))).then_some(lifted)
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}

impl Sctp {
    fn xt(&self) -> Vec<u8> {
        let (mut flags, mut inverted) = self.ports.bits();
        let mut info = chunks::unused(self.ports.put(Info::new(SIZE)));
        if let Some((negated, chunks)) = &self.chunks {
            flags |= CHUNKS;
            inverted |= if *negated { CHUNKS } else { 0 };
            info = chunks.put(info);
        }
        info.u32(284, flags.into()).u32(288, inverted.into()).finish()
    }
}
