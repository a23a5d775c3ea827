//! `-j HMARK`: sets the packet mark from a hash of addresses, ports or the connection.
//!
//! xt `HMARK` revision 0 in both encodings: `{ union nf_inet_addr src_mask, dst_mask; union hmark_ports port_mask, port_set;
//! __u32 flags; __u16 proto_mask; __u32 hashrnd, hmodulus, hoffset; }` (`xt_HMARK.h`); a port pair and an SPI share their
//! place, in network order. nf_tables' `jhash` hashes and folds otherwise.

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::xt::{Info, View};
use rfw_syntax::{OptionSpec, Use, Word};
use rfw_values::ValueError;

use crate::context::{Family, ParseCx};
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::inet::Mask;
use crate::uses::{Uses, bad_choice, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 60;

/// `XT_HMARK_*`, as bits.
mod bit {
    pub const SOURCE: u32 = 1 << 0;
    pub const DESTINATION: u32 = 1 << 1;
    pub const SPI: u32 = 1 << 2;
    pub const SPI_MASK: u32 = 1 << 3;
    pub const SPORT: u32 = 1 << 4;
    pub const DPORT: u32 = 1 << 5;
    pub const SPORT_MASK: u32 = 1 << 6;
    pub const DPORT_MASK: u32 = 1 << 7;
    pub const PROTO_MASK: u32 = 1 << 8;
    pub const RND: u32 = 1 << 9;
    pub const MODULUS: u32 = 1 << 10;
    pub const OFFSET: u32 = 1 << 11;
    pub const CT: u32 = 1 << 12;
    pub const ALL: u32 = (1 << 13) - 1;
    /// What says of which parts of a packet the hash is.
    pub const PARTS: u32 = ALL & !(RND | MODULUS | OFFSET);
}

/// What `--hmark-tuple` takes; the first one that begins with the word is meant.
const PARTS: &[(&str, u32)] = &[
    ("ct", bit::CT),
    ("src", bit::SOURCE),
    ("dst", bit::DESTINATION),
    ("sport", bit::SPORT_MASK),
    ("dport", bit::DPORT_MASK),
    ("proto", bit::PROTO_MASK),
    ("spi", bit::SPI_MASK),
];

/// The typed form: the kernel's, since later options overwrite parts of earlier ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hmark {
    flags: u32,
    source: Mask,
    destination: Mask,
    /// Source and destination port, or an SPI: network order.
    port_mask: [u8; 4],
    port_set: [u8; 4],
    proto_mask: u16,
    rnd: u32,
    /// At least 1.
    modulus: u32,
    offset: u32,
}

impl Extension for Hmark {
    const NAME: &'static str = "HMARK";
    const SUMMARY: &'static str = "sets the packet mark from a hash";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("hmark-tuple", "part,…", "hash src, dst, sport, dport, spi, proto; ct: of the connection"),
        OptionSpec::value("hmark-src-prefix", "length", "this much of the source address"),
        OptionSpec::value("hmark-dst-prefix", "length", "this much of the destination address"),
        OptionSpec::value("hmark-sport-mask", "bits", "these bits of the source port"),
        OptionSpec::value("hmark-dport-mask", "bits", "these bits of the destination port"),
        OptionSpec::value("hmark-spi-mask", "bits", "these bits of the SPI of ESP or AH"),
        OptionSpec::value("hmark-sport", "bits", "or these into the source port"),
        OptionSpec::value("hmark-dport", "bits", "or these into the destination port"),
        OptionSpec::value("hmark-spi", "bits", "or these into the SPI"),
        OptionSpec::value("hmark-proto-mask", "bits", "these bits of the protocol"),
        OptionSpec::value("hmark-rnd", "seed", "the seed of the hash"),
        OptionSpec::value("hmark-mod", "count", "how many marks there are"),
        OptionSpec::value("hmark-offset", "mark", "the first mark"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables' `jhash` hashes and folds otherwise",
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        let mut hmark = Self::empty(cx.family);
        for used in uses.list {
            if let Some(word) = used.value() {
                hmark.take(uses, used, word, cx.family)?;
            }
        }
        hmark.check(uses)?;
        Ok(hmark)
    }

    fn print(&self, out: &mut Printer<'_>) {
        for (bit, name, mask) in self.addresses() {
            if self.has(bit) {
                out.fmt(format_args!(" --hmark-{name} {}", mask.prefix_len().unwrap_or(0)));
            }
        }
        for (bit, name, value, width) in self.numbers() {
            if self.has(bit) {
                out.fmt(format_args!(" --hmark-{name} {value:#0width$x}", width = width + 2));
            }
        }
        out.fmt(format_args!(" --hmark-mod {}", self.modulus));
        if self.has(bit::OFFSET) {
            out.fmt(format_args!(" --hmark-offset {}", self.offset));
        }
        if self.has(bit::CT) {
            out.text(" --hmark-tuple ct");
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" HMARK mod {} ", self.modulus));
        if self.has(bit::OFFSET) {
            out.fmt(format_args!("+ {:#x} ", self.offset));
        }
        if self.has(bit::CT) {
            out.text("ct, ");
        }
        for (bit, name, mask) in self.addresses() {
            if self.has(bit) {
                out.fmt(format_args!("{name} {} ", mask.prefix_len().unwrap_or(0)));
            }
        }
        for (bit, name, value, _) in self.numbers() {
            if self.has(bit) {
                out.fmt(format_args!("{name} {value:#x} "));
            }
        }
    }

    fn lower(&self, out: &mut Lowering) {
        let info = Info::new(SIZE)
            .bytes(0, &self.source.bytes())
            .bytes(16, &self.destination.bytes())
            .bytes(32, &self.port_mask)
            .bytes(36, &self.port_set)
            .u32(40, self.flags)
            .u16(44, self.proto_mask)
            .u32(48, self.rnd)
            .u32(52, self.modulus)
            .u32(56, self.offset);
        out.xt_target("HMARK", 0, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let family = run.family;
        let view = run.xt_target("HMARK", 0, SIZE)?;
        let lifted = Self::read(&view, family);
        lifted.sayable(family).then_some(lifted)
    }

    fn facts(&self) -> Facts<'_> {
        Facts::new(Effect::Rewrites).tables(&["mangle"])
    }
}

impl Hmark {
    const fn empty(family: Family) -> Self {
        let none = Mask::from_bytes([0; 16], family);
        Self {
            flags: 0,
            source: none,
            destination: none,
            port_mask: [0; 4],
            port_set: [0; 4],
            proto_mask: 0,
            rnd: 0,
            modulus: 0,
            offset: 0,
        }
    }

    fn read(view: &View<'_>, family: Family) -> Self {
        Self {
            flags: view.u32(40),
            source: Mask::from_bytes(view.array(0), family),
            destination: Mask::from_bytes(view.array(16), family),
            port_mask: view.array(32),
            port_set: view.array(36),
            proto_mask: view.u16(44),
            rnd: view.u32(48),
            modulus: view.u32(52),
            offset: view.u32(56),
        }
    }

    const fn has(&self, bit: u32) -> bool {
        self.flags & bit != 0
    }

    fn addresses(&self) -> [(u32, &'static str, Mask); 2] {
        [(bit::SOURCE, "src-prefix", self.source), (bit::DESTINATION, "dst-prefix", self.destination)]
    }

    /// What is printed in hexadecimal: flag, name, value, digits at least.
    fn numbers(&self) -> [(u32, &'static str, u32, usize); 8] {
        let halves = |[a, b, c, d]: [u8; 4]| {
            (u32::from(u16::from_be_bytes([a, b])), u32::from(u16::from_be_bytes([c, d])))
        };
        let (sport_mask, dport_mask) = halves(self.port_mask);
        let (sport, dport) = halves(self.port_set);
        [
            (bit::SPORT_MASK, "sport-mask", sport_mask, 4),
            (bit::DPORT_MASK, "dport-mask", dport_mask, 4),
            (bit::SPI_MASK, "spi-mask", u32::from_be_bytes(self.port_mask), 8),
            (bit::SPORT, "sport", sport, 4),
            (bit::DPORT, "dport", dport, 4),
            (bit::SPI, "spi", u32::from_be_bytes(self.port_set), 8),
            (bit::PROTO_MASK, "proto-mask", self.proto_mask.into(), 2),
            (bit::RND, "rnd", self.rnd, 8),
        ]
    }

    /// Whether options say exactly this: all that is required is there, and nothing stands where no flag is.
    fn sayable(&self, family: Family) -> bool {
        let prefixes = self.addresses().iter().all(|(_, _, mask)| mask.prefix_len().is_some());
        let required = self.has(bit::RND) && self.has(bit::MODULUS) && self.modulus > 0 && self.has(bit::PARTS);
        let known = self.flags & !bit::ALL == 0 && !self.mixes();
        prefixes && required && known && *self == self.said(family)
    }

    /// What is left of it when it is printed and read again.
    fn said(&self, family: Family) -> Self {
        let mut said = Self { flags: self.flags, modulus: self.modulus, ..Self::empty(family) };
        let part = |place: &mut [u8], from: &[u8]| place.copy_from_slice(from);
        for (halves, masks, sets) in [(0..2, bit::SPORT_MASK, bit::SPORT), (2..4, bit::DPORT_MASK, bit::DPORT)] {
            if self.has(masks | bit::SPI_MASK) {
                part(&mut said.port_mask[halves.clone()], &self.port_mask[halves.clone()]);
            }
            if self.has(sets | bit::SPI) {
                part(&mut said.port_set[halves.clone()], &self.port_set[halves]);
            }
        }
        said.source = if self.has(bit::SOURCE) { self.source } else { said.source };
        said.destination = if self.has(bit::DESTINATION) { self.destination } else { said.destination };
        said.proto_mask = if self.has(bit::PROTO_MASK) { self.proto_mask } else { 0 };
        said.rnd = if self.has(bit::RND) { self.rnd } else { 0 };
        said.offset = if self.has(bit::OFFSET) { self.offset } else { 0 };
        said
    }

    /// Whether it masks an SPI and ports, which share a place.
    const fn mixes(&self) -> bool {
        self.has(bit::SPI_MASK) && self.has(bit::SPORT_MASK | bit::DPORT_MASK)
    }

    fn take(&mut self, uses: &Uses<'_, '_>, used: &Use<'_>, word: &Word<'_>, family: Family) -> Parsed<()> {
        let name = used.option.name;
        // To the original, a part of the tuple is the option that masks it.
        if self.flags & mask_of(name) != 0 {
            let classic = format!("HMARK: option \"--{name}\" can only be used once.\n");
            let error = Diagnostic::error(codes::OPTION_REPEATED, used.span(), "the tuple takes all of it already");
            return Err(Box::new(error.help("leave this part out of --hmark-tuple").parameter(classic)));
        }
        let number = |max: u32| -> Parsed<u32> { Ok(uses.number(name, 0, max)?.unwrap_or(0)) };
        let short = || -> Parsed<[u8; 2]> {
            Ok(u16::try_from(number(u16::MAX.into())?).unwrap_or(u16::MAX).to_be_bytes())
        };
        let long = || number(u32::MAX);
        self.flags |= match name {
            "hmark-tuple" => self.parts(word)?,
            "hmark-src-prefix" => {
                self.source = Mask::parse_prefix(word, family, "HMARK", name)?;
                bit::SOURCE
            }
            "hmark-dst-prefix" => {
                self.destination = Mask::parse_prefix(word, family, "HMARK", name)?;
                bit::DESTINATION
            }
            "hmark-sport-mask" => {
                self.port_mask[..2].copy_from_slice(&short()?);
                bit::SPORT_MASK
            }
            "hmark-dport-mask" => {
                self.port_mask[2..].copy_from_slice(&short()?);
                bit::DPORT_MASK
            }
            "hmark-spi-mask" => {
                self.port_mask = long()?.to_be_bytes();
                bit::SPI_MASK
            }
            "hmark-sport" => {
                self.port_set[..2].copy_from_slice(&short()?);
                bit::SPORT
            }
            "hmark-dport" => {
                self.port_set[2..].copy_from_slice(&short()?);
                bit::DPORT
            }
            "hmark-spi" => {
                self.port_set = long()?.to_be_bytes();
                bit::SPI
            }
            "hmark-proto-mask" => {
                self.proto_mask = u16::from_be_bytes(short()?);
                bit::PROTO_MASK
            }
            "hmark-rnd" => {
                self.rnd = long()?;
                bit::RND
            }
            "hmark-offset" => {
                self.offset = long()?;
                bit::OFFSET
            }
            _ => {
                self.modulus = uses.number(name, 1, u32::MAX)?.unwrap_or(1);
                bit::MODULUS
            }
        };
        Ok(())
    }

    /// Reads `--hmark-tuple`: each part counts in full.
    fn parts(&mut self, word: &Word<'_>) -> Parsed<u32> {
        let mut flags = 0;
        let mut at = 0;
        for part in word.text.split(|&b| b == b',') {
            let end = at + part.len();
            let abbreviates = |name: &str| {
                let head = name.as_bytes().get(..part.len());
                !part.is_empty() && head.is_some_and(|head| head.eq_ignore_ascii_case(part))
            };
            let Some((_, bit)) = PARTS.iter().find(|(name, _)| abbreviates(name)) else {
                return Err(bad_part(word, at, end));
            };
            match *bit {
                bit::SOURCE => self.source = Mask::full(self.family_of_masks()),
                bit::DESTINATION => self.destination = Mask::full(self.family_of_masks()),
                bit::SPORT_MASK => self.port_mask[..2].fill(u8::MAX),
                bit::DPORT_MASK => self.port_mask[2..].fill(u8::MAX),
                bit::SPI_MASK => self.port_mask.fill(u8::MAX),
                bit::PROTO_MASK => self.proto_mask = u16::MAX,
                _ => {}
            }
            flags |= bit;
            at = end + 1;
        }
        Ok(flags)
    }

    fn family_of_masks(&self) -> Family {
        if self.source.significant().len() == 4 { Family::Ipv4 } else { Family::Ipv6 }
    }

    fn check(&self, uses: &Uses<'_, '_>) -> Parsed<()> {
        let (code, classic, help) = if !self.has(bit::MODULUS) {
            (codes::OPTION_REQUIRED, "--hmark-mod is mandatory", "add `--hmark-mod COUNT`")
        } else if !self.has(bit::RND) {
            (codes::OPTION_REQUIRED, "--hmark-rnd is mandatory", "add `--hmark-rnd SEED`")
        } else if self.mixes() {
            let classic = "you cannot use --hmark-spi-mask and --hmark-?port-mask,at the same time";
            (codes::OPTIONS_EXCLUSIVE, classic, "a packet has ports or an SPI: write two rules")
        } else if !self.has(bit::PARTS) {
            let classic = "you have to specify --hmark-tuple at least";
            (codes::OPTION_REQUIRED, classic, "add `--hmark-tuple src,dst`")
        } else {
            return Ok(());
        };
        Err(uses.complaint(code, classic, help))
    }
}

/// The flag that an option which masks a part of the packet shares with that part of a tuple.
fn mask_of(option: &str) -> u32 {
    match option {
        "hmark-src-prefix" => bit::SOURCE,
        "hmark-dst-prefix" => bit::DESTINATION,
        "hmark-sport-mask" => bit::SPORT_MASK,
        "hmark-dport-mask" => bit::DPORT_MASK,
        "hmark-spi-mask" => bit::SPI_MASK,
        "hmark-proto-mask" => bit::PROTO_MASK,
        _ => 0,
    }
}

/// The member of a list at `start..end` is none.
fn bad_part(word: &Word<'_>, start: usize, end: usize) -> Box<Diagnostic> {
    if start == word.text.len() {
        let classic = "\"--hmark-tuple\" requires a list of types with no spaces, e.g. src,dst,sport,dport,proto";
        return bad_value(word, &ValueError::new(start, end, "another part after the comma"), classic);
    }
    // The original shows all that follows.
    let classic = format!("Bad type \"{}\"", String::from_utf8_lossy(&word.text[start..]));
    let names: Vec<&str> = PARTS.iter().map(|(name, _)| *name).collect();
    bad_choice(word, &word.text[start..end], word.part(start, end), &names, classic)
}
