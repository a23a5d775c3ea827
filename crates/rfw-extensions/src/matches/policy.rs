//! `-m policy`: the IPsec transformations that a packet went through, or will.
//!
//! ```c
//! struct xt_policy_info {  /* xt_policy.h */
//!     struct xt_policy_elem {
//!         union nf_inet_addr saddr, smask, daddr, dmask;
//!         __be32 spi;  /* iptables stores it in host order */
//!         __u32 reqid;
//!         __u8 proto, mode;  /* XT_POLICY_MODE_TRANSPORT 0, TUNNEL 1 */
//!         __u8 match, invert;  /* bits: saddr 1, daddr 2, proto 4, mode 8, spi 0x10, reqid 0x20 */
//!     } pol[4];
//!     __u16 flags;  /* in 1, out 2, none 4, strict 8 */
//!     __u16 len;
//! };
//! ```
//! xt in both encodings: nf_tables' `xfrm` and `secpath` know neither mode nor protocol, and no element at any position
//! (encoding.md 4.2).

use rfw_diagnostics::{Diagnostic, codes};
use rfw_nft::xt::{Info, View};
use rfw_syntax::{OptionSpec, Use};
use rfw_values::ValueError;

use crate::context::{Family, ParseCx};
use crate::facts::Facts;
use crate::facts::hook;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::selector::Inv;
use crate::shared::net::Net;
use crate::shared::protocol::parse_protocol;
use crate::uses::{Uses, bad_choice, bad_value};
use crate::{Extension, Parsed};

const SIZE: usize = 308;
/// `XT_POLICY_MAX_ELEM`.
const MAX_ELEMENTS: usize = 4;
const ELEMENT_SIZE: usize = 76;
/// `XT_POLICY_MATCH_*`.
const IN: u16 = 1;
const OUT: u16 = 2;
const NONE: u16 = 4;
const STRICT: u16 = 8;
/// Bits of `struct xt_policy_spec`.
const SADDR: u8 = 1;
const DADDR: u8 = 2;
const PROTO: u8 = 4;
const MODE: u8 = 8;
const SPI: u8 = 0x10;
const REQID: u8 = 0x20;
/// By `XT_POLICY_MODE_*`.
const MODES: [&str; 2] = ["transport", "tunnel"];
/// Those that can be asked for: esp, ah, ipcomp.
const PROTOCOLS: [u8; 3] = [50, 51, 108];

/// What is asked of one transformation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Element {
    reqid: Option<Inv<u32>>,
    spi: Option<Inv<u32>>,
    proto: Option<Inv<u8>>,
    /// Index into `MODES`.
    mode: Option<Inv<u8>>,
    destination: Option<Inv<Net>>,
    source: Option<Inv<Net>>,
}

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The bits above; in or out.
    flags: u16,
    /// None with `--pol none`, else at least one.
    elements: Vec<Element>,
}

impl Extension for Policy {
    const NAME: &'static str = "policy";
    const SUMMARY: &'static str = "the IPsec transformations of a packet";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("dir", "in|out", "those it went through, or those it will go through; must be given"),
        OptionSpec::value("pol", "none|ipsec", "whether there are any, default ipsec"),
        OptionSpec::flag("strict", "the elements are all of them, in order; else the element is one of them"),
        OptionSpec::value("reqid", "number", "the request id").invertible().repeatable(),
        OptionSpec::value("spi", "number", "the SPI").invertible().repeatable(),
        OptionSpec::value("tunnel-src", "address[/mask]", "source of the tunnel").invertible().repeatable(),
        OptionSpec::value("tunnel-dst", "address[/mask]", "destination of the tunnel").invertible().repeatable(),
        OptionSpec::value("proto", "ah|esp|ipcomp", "the protocol").invertible().repeatable(),
        OptionSpec::value("mode", "transport|tunnel", "the mode").invertible().repeatable(),
        OptionSpec::flag("next", "the next element begins").repeatable().needs(&["strict"]),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nf_tables knows neither mode nor protocol, nor elements at whatever position",
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        let mut flags = if uses.has("strict") { STRICT } else { 0 };
        flags |= parse_word(uses, "dir", &[("in", IN), ("out", OUT)], "policy_match: invalid dir")?;
        flags |= parse_word(uses, "pol", &[("none", NONE), ("ipsec", 0)], "policy match: invalid policy")?;
        let mut elements = vec![Element::default()];
        for given in uses.list {
            if given.option.key() == "next" {
                if elements.len() == MAX_ELEMENTS {
                    return Err(wrong(given, "there are at most four elements",
"leave the fifth out",
"policy match: maximum policy depth reached"));
                }
                elements.push(Element::default());
            } else if let Some(element) = elements.last_mut() {
                element.parse(given, cx)?;
            }
        }
        if flags & (IN | OUT) == 0 {
            return Err(uses.complaint(
                codes::OPTION_REQUIRED,
                "policy match: neither --dir in nor --dir out specified",
                "add `--dir in` or `--dir out`",
            ));
        }
        let found = Self { flags, elements };
        found.check(uses)?;
        let elements = if flags & NONE == 0 { found.elements } else { Vec::new() };
        Ok(Self { flags, elements })
    }

    fn print(&self, out: &mut Printer<'_>) {
        self.write_flags(out, "--");
        for (index, element) in self.elements.iter().enumerate() {
            if index > 0 {
                out.text(" --next");
            }
            element.write(out, "--", false);
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" policy match");
        self.write_flags(out, "");
        let numeric = out.numeric;
        for (index, element) in self.elements.iter().enumerate() {
            if self.elements.len() > 1 {
                out.fmt(format_args!(" [{index}]"));
            }
            element.write(out, "", numeric);
        }
    }

    fn lower(&self, out: &mut Lowering) {
        let mut info = Info::new(SIZE);
        for (index, element) in self.elements.iter().enumerate() {
            info = element.store(info, index * ELEMENT_SIZE);
        }
        let len = u16::try_from(self.elements.len()).unwrap_or(u16::MAX);
        out.xt_match("policy", 0, info.u16(304, self.flags).u16(306, len).finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let family = run.family;
        let view = run.xt_match("policy", 0, SIZE)?;
        let (flags, len) = (view.u16(304), usize::from(view.u16(306)));
        let one_way = matches!(flags & (IN | OUT), IN | OUT);
        // Nothing can be asked of transformations that are not there, and something has to be asked of each in a whole list.
        let fits = match (flags & NONE != 0, flags & STRICT != 0) {
            (true, strict) => len == 0 && !strict,
            (false, true) => (1..=MAX_ELEMENTS).contains(&len),
            (false, false) => len == 1,
        };
        if !one_way || flags & !(IN | OUT | NONE | STRICT) != 0 || !fits {
            return None;
        }
        let element = |index: usize| Element::load(&view, index * ELEMENT_SIZE, family);
        let elements: Vec<Element> = (0..len).map(element).collect::<Option<_>>()?;
        let said = |e: &Element| e.has_tunnel_mode() && (flags & STRICT == 0 || *e != Element::default());
        elements.iter().all(said).then_some(Self { flags, elements })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE.hooks(if self.flags & IN != 0 {
            hook::PREROUTING | hook::INPUT | hook::FORWARD
        } else {
            hook::FORWARD | hook::OUTPUT | hook::POSTROUTING
        })
    }
}

impl Policy {
    fn write_flags(&self, out: &mut Printer<'_>, prefix: &str) {
        let dir = if self.flags & IN != 0 { "in" } else { "out" };
        let pol = if self.flags & NONE != 0 { "none" } else { "ipsec" };
        out.fmt(format_args!(" {prefix}dir {dir} {prefix}pol {pol}"));
        if self.flags & STRICT != 0 {
            out.fmt(format_args!(" {prefix}strict"));
        }
    }

    /// What cannot stand together.
    fn check(&self, uses: &Uses<'_, '_>) -> Parsed<()> {
        let (none, strict) = (self.flags & NONE != 0, self.flags & STRICT != 0);
        let wrong = |option: &str, classic: &str, help: &str| {
            let at = uses.span(option);
            Err(Box::new(Diagnostic::error(codes::BAD_VALUE, at, classic).help(help).parameter(classic)))
        };
        if none && strict {
            return wrong("strict", "policy match: policy none but --strict given", "leave `--strict` out");
        }
        // The original takes options of one element and forgets them when it prints.
        if none && self.elements != [Element::default()] {
            return wrong("pol", "policy match: policy none but policy given", "leave the other options out");
        }
        for (index, element) in self.elements.iter().enumerate() {
            if strict && *element == Element::default() {
                let classic = format!(
                    "policy match: empty policy element {index}. --strict is in effect, but at least one of reqid, spi, \
                     tunnel-src, tunnel-dst, proto or mode is required."
                );
                return wrong("strict", &classic, "say what the element is, or leave it out");
            }
            if !element.has_tunnel_mode() {
                let classic = "policy match: --tunnel-src/--tunnel-dst is only valid in tunnel mode";
                let option = if element.source.is_some() { "tunnel-src" } else { "tunnel-dst" };
                return wrong(option, classic, "add `--mode tunnel`");
            }
        }
        Ok(())
    }
}

impl Element {
    fn parse(&mut self, given: &Use<'_>, cx: &ParseCx<'_>) -> Parsed<()> {
        let name = given.option.key();
        match name {
            "reqid" => put(&mut self.reqid, given, parse_number(given)),
            "spi" => put(&mut self.spi, given, parse_number(given)),
            "proto" => put(&mut self.proto, given, parse_ipsec(given, cx)),
            "mode" => put(&mut self.mode, given, parse_mode(given)),
            "tunnel-dst" => put(&mut self.destination, given, parse_net(given, cx)),
            "tunnel-src" => put(&mut self.source, given, parse_net(given, cx)),
            _ => Ok(()),
        }
    }

    /// Whether it is a tunnel, if addresses of one are asked for.
    fn has_tunnel_mode(&self) -> bool {
        let tunnel = self.mode.as_ref().is_some_and(|mode| (mode.value == 1) != mode.inverted);
        tunnel || (self.source.is_none() && self.destination.is_none())
    }

    fn write(&self, out: &mut Printer<'_>, prefix: &str, numeric: bool) {
        let head = |out: &mut Printer<'_>, inverted: bool, name: &str| {
            let sign = if inverted { " !" } else { "" };
            out.fmt(format_args!("{sign} {prefix}{name} "));
        };
        if let Some(reqid) = &self.reqid {
            head(out, reqid.inverted, "reqid");
            out.fmt(format_args!("{}", reqid.value));
        }
        if let Some(spi) = &self.spi {
            head(out, spi.inverted, "spi");
            out.fmt(format_args!("{:#x}", spi.value));
        }
        if let Some(proto) = &self.proto {
            head(out, proto.inverted, "proto");
            let name = if numeric { None } else { out.names.protocol_name(proto.value) };
            out.text(&name.unwrap_or_else(|| proto.value.to_string()));
        }
        if let Some(mode) = &self.mode {
            head(out, mode.inverted, "mode");
            out.text(MODES[usize::from(mode.value) % MODES.len()]);
        }
        for (net, name) in [(&self.destination, "tunnel-dst"), (&self.source, "tunnel-src")] {
            if let Some(net) = net {
                head(out, net.inverted, name);
                net.value.write(out, true);
            }
        }
    }

    fn store(&self, mut info: Info, at: usize) -> Info {
        for (net, at) in [(&self.source, at), (&self.destination, at + 32)] {
            if let Some(net) = net {
                info = net.value.store(info, at);
            }
        }
        let value = |part: &Option<Inv<u32>>| part.as_ref().map_or(0, |p| p.value);
        let byte = |part: &Option<Inv<u8>>| part.as_ref().map_or(0, |p| p.value);
        let (mut bits, mut inverted) = (0, 0);
        for (bit, turned) in self.bits() {
            bits |= bit;
            inverted |= if turned { bit } else { 0 };
        }
        info.u32(at + 64, value(&self.spi))
            .u32(at + 68, value(&self.reqid))
            .u8(at + 72, byte(&self.proto))
            .u8(at + 73, byte(&self.mode))
            .u8(at + 74, bits)
            .u8(at + 75, inverted)
    }

    /// The bits of what is asked, and whether that is turned round.
    fn bits(&self) -> impl Iterator<Item = (u8, bool)> {
        let turned = [
            (SADDR, self.source.as_ref().map(|p| p.inverted)),
            (DADDR, self.destination.as_ref().map(|p| p.inverted)),
            (PROTO, self.proto.as_ref().map(|p| p.inverted)),
            (MODE, self.mode.as_ref().map(|p| p.inverted)),
            (SPI, self.spi.as_ref().map(|p| p.inverted)),
            (REQID, self.reqid.as_ref().map(|p| p.inverted)),
        ];
        turned.into_iter().filter_map(|(bit, turned)| Some((bit, turned?)))
    }

    fn load(view: &View<'_>, at: usize, family: Family) -> Option<Self> {
        let (bits, turned) = (view.u8(at + 74), view.u8(at + 75));
        let known = SADDR | DADDR | PROTO | MODE | SPI | REQID;
        if bits & !known != 0 || turned & !bits != 0 {
            return None;
        }
        let found = Self {
            reqid: inv(bits, turned, REQID, view.u32(at + 68)),
            spi: inv(bits, turned, SPI, view.u32(at + 64)),
            proto: inv(bits, turned, PROTO, view.u8(at + 72)),
            mode: inv(bits, turned, MODE, view.u8(at + 73)),
            destination: inv(bits, turned, DADDR, Net::load(view, at + 32, family)),
            source: inv(bits, turned, SADDR, Net::load(view, at, family)),
        };
        let proto = found.proto.as_ref().is_none_or(|p| PROTOCOLS.contains(&p.value));
        let mode = found.mode.as_ref().is_none_or(|m| usize::from(m.value) < MODES.len());
        let prefix = |net: &Option<Inv<Net>>| net.as_ref().is_none_or(|n| n.value.mask.prefix_len().is_some());
        (proto && mode && prefix(&found.source) && prefix(&found.destination)).then_some(found)
    }
}

fn inv<T>(bits: u8, turned: u8, bit: u8, value: T) -> Option<Inv<T>> {
    (bits & bit != 0).then_some(Inv { inverted: turned & bit != 0, value })
}

fn wrong(given: &Use<'_>, message: &str, help: &str, classic: impl Into<String>) -> Box<Diagnostic> {
    Box::new(Diagnostic::error(codes::BAD_VALUE, given.span(), message).help(help).parameter(classic))
}

/// Fills a part of an element that was not given before.
fn put<T>(part: &mut Option<Inv<T>>, given: &Use<'_>, value: Parsed<Option<T>>) -> Parsed<()> {
    let value = value?;
    if part.is_some() {
        let name = given.option.key();
        let classic = format!("policy match: double --{name} option");
        return Err(wrong(given, "the element has it already", "`--next` begins another element", classic));
    }
    *part = value.map(|value| Inv { inverted: given.inverted, value });
    Ok(())
}

fn parse_word(uses: &Uses<'_, '_>, option: &str, choices: &[(&str, u16)], classic: &str) -> Parsed<u16> {
    let Some(word) = uses.word(option) else { return Ok(0) };
    let found = choices.iter().find(|(name, _)| name.as_bytes() == word.text.as_ref());
    found.map(|(_, bit)| *bit).ok_or_else(|| {
        let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
        bad_choice(word, &word.text, word.span, &names, format!("{classic} \"{}\"", word.lossy()))
    })
}

fn parse_number(given: &Use<'_>) -> Parsed<Option<u32>> {
    let Some(word) = given.value() else { return Ok(None) };
    rfw_values::number::parse_u32(&word.text, 0, u32::MAX).map(Some).map_err(|error| {
        let name = given.option.key();
        let classic = format!("policy: bad value for option \"--{name}\", or out of range (0-{}).\n", u32::MAX);
        bad_value(word, &error, classic)
    })
}

fn parse_ipsec(given: &Use<'_>, cx: &ParseCx<'_>) -> Parsed<Option<u8>> {
    let Some(word) = given.value() else { return Ok(None) };
    let number = parse_protocol(word, cx)?;
    if !PROTOCOLS.contains(&number) {
        let error = ValueError::whole(&word.text, "ah, esp or ipcomp");
        return Err(bad_value(word, &error, "policy match: protocol must be ah/esp/ipcomp"));
    }
    Ok(Some(number))
}

fn parse_mode(given: &Use<'_>) -> Parsed<Option<u8>> {
    let Some(word) = given.value() else { return Ok(None) };
    let found = MODES.iter().position(|name| name.as_bytes() == word.text.as_ref());
    found.and_then(|index| u8::try_from(index).ok()).map(Some).ok_or_else(|| {
        let classic = format!("policy match: invalid mode \"{}\"", word.lossy());
        bad_choice(word, &word.text, word.span, &MODES, classic)
    })
}

fn parse_net(given: &Use<'_>, cx: &ParseCx<'_>) -> Parsed<Option<Net>> {
    let Some(word) = given.value() else { return Ok(None) };
    let net = Net::parse(word, "policy", given.option.key(), cx)?;
    if net.mask.prefix_len().is_none() {
        // The original takes it for a single host.
        let error = ValueError::whole(&word.text, "an address with a prefix length");
        let name = given.option.key();
        let classic = format!("policy: bad value for option \"--{name}\", neither a valid network mask nor valid CIDR.\n");
        return Err(bad_value(word, &error, classic));
    }
    Ok(Some(net))
}
