//! An address with a mask, as the options of libxtables' `XTTYPE_HOSTMASK` take it (`--ctorigsrc`, `--tunnel-src`, `--vaddr`).

use std::net::IpAddr;

use rfw_nft::xt::{Info, View};
use rfw_syntax::Word;
use rfw_values::address::{AddrText, octets};

use crate::Parsed;
use crate::context::{Family, ParseCx};
use crate::printer::Printer;
use crate::shared::inet::{Mask, host, union_address, union_bytes};

/// An address and its mask; host bits stay, since the payload has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Net {
    /// The address.
    pub address: IpAddr,
    /// The mask.
    pub mask: Mask,
}

impl Net {
    /// Reads `address[/mask]`.
    ///
    /// # Errors
    /// With libxtables' words.
    pub fn parse(word: &Word<'_>, extension: &str, option: &str, cx: &ParseCx<'_>) -> Parsed<Self> {
        let end = word.text.len();
        let slash = word.text.iter().position(|&b| b == b'/').unwrap_or(end);
        let address = host(word, 0..slash, cx)?;
        let mask = if slash == end {
            Mask::full(cx.family)
        } else {
            Mask::parse(word, slash + 1..end, cx.family, extension, option)?
        };
        Ok(Self { address, mask })
    }

    /// Whether the address has bits that the mask leaves out.
    #[must_use]
    pub fn has_host_bits(&self) -> bool {
        octets(self.address).iter().zip(self.mask.significant()).any(|(a, m)| a & !m != 0)
    }

    /// Appends it; unless `numeric`, as `anywhere` or with the host's name.
    pub fn write(&self, out: &mut Printer<'_>, numeric: bool) {
        if !numeric && self.address.is_unspecified() {
            out.text("anywhere");
            return;
        }
        let name = if numeric { None } else { out.names.host_name(self.address) };
        let name = name.unwrap_or_else(|| AddrText(self.address).to_string());
        out.fmt(format_args!("{name}{}", self.mask));
    }

    /// Writes the two unions of a payload, address and mask.
    #[must_use]
    pub fn store(&self, info: Info, at: usize) -> Info {
        info.bytes(at, &union_bytes(self.address)).bytes(at + 16, &self.mask.bytes())
    }

    /// Reads the two unions of a payload.
    #[must_use]
    pub fn load(view: &View<'_>, at: usize, family: Family) -> Self {
        let address = union_address(view.array(at), family);
        Self { address, mask: Mask::from_bytes(view.array(at + 16), family) }
    }
}
