//! The two prefixes of IPv6 network prefix translation (RFC 6296), which `SNPT` and `DNPT` share.
//!
//! xt, `{ union nf_inet_addr src_pfx, dst_pfx; __u8 src_pfx_len, dst_pfx_len; __sum16 adjustment; }` (`ip6t_NPT.h`), of which
//! the last is the kernel's.

use std::net::IpAddr;

use rfw_diagnostics::codes;
use rfw_nft::xt::Info;
use rfw_syntax::{OptionSpec, Word};
use rfw_values::ValueError;
use rfw_values::address::AddrText;

use crate::Parsed;
use crate::context::{Family, ParseCx};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::inet::{Mask, host, union_address, union_bytes};
use crate::uses::{Uses, bad_value};

const SIZE: usize = 36;
/// A whole address, where no length was given.
const FULL: u8 = 128;

/// The options of both.
pub const OPTIONS: &[OptionSpec] = &[
    OptionSpec::value("src-pfx", "prefix/length", "the prefix that is replaced").required(),
    OptionSpec::value("dst-pfx", "prefix/length", "the prefix that takes its place").required(),
];

/// A prefix; host bits are kept for the kernel to refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Prefix {
    address: IpAddr,
    len: u8,
}

/// What is replaced, and by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefixes {
    source: Prefix,
    destination: Prefix,
}

impl Prefixes {
    /// Reads both options.
    ///
    /// # Errors
    /// With libxtables' words.
    pub fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        let prefix = |name: &str| match uses.word(name) {
            Some(word) => Prefix::parse(word, cx, uses.extension, name),
            None => Err(uses.complaint(
                codes::OPTION_REQUIRED,
                format!("{}: option \"--{name}\" must be specified\n", uses.extension),
                format!("add `--{name} PREFIX/LENGTH`"),
            )),
        };
        Ok(Self { source: prefix("src-pfx")?, destination: prefix("dst-pfx")? })
    }

    /// ` --src-pfx fd00::/64 --dst-pfx 2001:db8::/64`, or without dashes.
    pub fn write(&self, out: &mut Printer<'_>, lead: &str) {
        for (name, prefix) in [("src-pfx", self.source), ("dst-pfx", self.destination)] {
            out.fmt(format_args!("{lead}{name} {}/{}", AddrText(prefix.address), prefix.len));
        }
    }

    /// The xt target.
    pub fn lower(&self, out: &mut Lowering, target: &str) {
        let info = Info::new(SIZE)
            .bytes(0, &union_bytes(self.source.address))
            .bytes(16, &union_bytes(self.destination.address))
            .u8(32, self.source.len)
            .u8(33, self.destination.len);
        out.xt_target(target, 0, info.finish());
    }

    /// Takes what [`Prefixes::lower`] makes.
    pub fn lift(run: &mut Run<'_>, target: &str) -> Option<Self> {
        let view = run.xt_target(target, 0, SIZE)?;
        let prefix =
            |at, len| Prefix { address: union_address(view.array(at), Family::Ipv6), len: view.u8(len) };
        let (source, destination) = (prefix(0, 32), prefix(16, 33));
        (source.len <= FULL && destination.len <= FULL).then_some(Self { source, destination })
    }
}

impl Prefix {
    fn parse(word: &Word<'_>, cx: &ParseCx<'_>, extension: &str, option: &str) -> Parsed<Self> {
        let text: &[u8] = &word.text;
        let end = text.iter().position(|&b| b == b'/').unwrap_or(text.len());
        let address = host(word, 0..end, cx)?;
        if end == text.len() {
            return Ok(Self { address, len: FULL });
        }
        let mask = Mask::parse(word, end + 1..text.len(), cx.family, extension, option)?;
        let len = mask.prefix_len().ok_or_else(|| {
            let error = ValueError::new(end + 1, text.len(), "a prefix length from 0 to 128");
            let classic = format!(
                "{extension}: bad value for option \"--{option}\", neither a valid network mask nor valid CIDR (0-128).\n"
            );
            bad_value(word, &error, classic)
        })?;
        Ok(Self { address, len })
    }
}
