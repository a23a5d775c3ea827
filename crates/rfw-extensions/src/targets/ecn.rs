//! `-j ECN`: clears or sets the bits of explicit congestion notification. IPv4.
//!
//! xt `ECN` revision 0 in both encodings: `{ __u8 operation, ip_ect; union { struct { __u8 ece:1, cwr:1; } tcp; } proto; }`
//! (`ipt_ECN.h`). nf_tables could write the bits, but nft 1.0.6 shows such a rule with another mask than it has.

use rfw_diagnostics::codes;
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::context::{Families, ParseCx};
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 3;
/// `IPT_ECN_OP_SET_IP`.
const SET_IP: u8 = 0x01;
/// `IPT_ECN_OP_SET_ECE`.
const SET_ECE: u8 = 0x10;
/// `IPT_ECN_OP_SET_CWR`.
const SET_CWR: u8 = 0x20;
/// The bit field on a little-endian host.
const ECE: u8 = 1;
const CWR: u8 = 2;
/// ECN of the IP header has two bits.
const ECT_MAX: u8 = 3;

/// The typed form; `None` leaves a field alone. At least one is `Some`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ecn {
    ece: Option<bool>,
    cwr: Option<bool>,
    ect: Option<u8>,
}

impl Extension for Ecn {
    const NAME: &'static str = "ECN";
    const FAMILIES: Families = Families::Ipv4;
    const SUMMARY: &'static str = "clears or sets the bits of congestion notification";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::flag("ecn-tcp-remove", "clear both bits of the TCP header")
            .excludes(&["ecn-tcp-cwr", "ecn-tcp-ece"]),
        OptionSpec::value("ecn-tcp-cwr", "bit", "0 or 1: the CWR bit of the TCP header")
            .excludes(&["ecn-tcp-remove"]),
        OptionSpec::value("ecn-tcp-ece", "bit", "0 or 1: the ECE bit of the TCP header")
            .excludes(&["ecn-tcp-remove"]),
        OptionSpec::value("ecn-ip-ect", "codepoint", "0 to 3: the ECN bits of the IP header"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "nft 1.0.6 shows a write of these bits with another mask than it has",
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        if uses.list.is_empty() {
            return Err(uses.complaint(
                codes::OPTION_REQUIRED,
                "ECN target: An operation is required",
                "add `--ecn-tcp-remove`",
            ));
        }
        let remove = uses.has("ecn-tcp-remove").then_some(false);
        let bit = |name: &str| -> Parsed<Option<bool>> {
            Ok(uses.number(name, 0, 1)?.map(|bit| bit == 1).or(remove))
        };
        let (cwr, ece) = (bit("ecn-tcp-cwr")?, bit("ecn-tcp-ece")?);
        let ect = uses.number("ecn-ip-ect", 0, ECT_MAX.into())?;
        Ok(Self { ece, cwr, ect: ect.and_then(|ect| u8::try_from(ect).ok()) })
    }

    fn print(&self, out: &mut Printer<'_>) {
        if self.removes() {
            out.text(" --ecn-tcp-remove");
            return;
        }
        for (name, value) in self.fields() {
            out.fmt(format_args!(" --ecn-{name} {value}"));
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.text(" ECN");
        if self.removes() {
            out.text(" TCP remove");
            return;
        }
        for (name, value) in self.fields() {
            let word = match name {
                "tcp-ece" => "ECE",
                "tcp-cwr" => "CWR",
                _ => "ECT codepoint",
            };
            out.fmt(format_args!(" {word}={value}"));
        }
    }

    fn lower(&self, out: &mut Lowering) {
        let operation = if self.ece.is_some() { SET_ECE } else { 0 }
            | if self.cwr.is_some() { SET_CWR } else { 0 }
            | if self.ect.is_some() { SET_IP } else { 0 };
        let bits = if self.ece == Some(true) { ECE } else { 0 } | if self.cwr == Some(true) { CWR } else { 0 };
        let info = Info::new(SIZE).u8(0, operation).u8(1, self.ect.unwrap_or(0)).u8(2, bits);
        out.xt_target("ECN", 0, info.finish());
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let view = run.xt_target("ECN", 0, SIZE)?;
        let (operation, ect, bits) = (view.u8(0), view.u8(1), view.u8(2));
        let known = operation & !(SET_ECE | SET_CWR | SET_IP) == 0 && bits & !(ECE | CWR) == 0;
        (known && operation != 0 && ect <= ECT_MAX).then_some(Self {
            ece: (operation & SET_ECE != 0).then_some(bits & ECE != 0),
            cwr: (operation & SET_CWR != 0).then_some(bits & CWR != 0),
            ect: (operation & SET_IP != 0).then_some(ect),
        })
    }

    fn facts(&self) -> Facts<'_> {
        let facts = Facts::new(Effect::Rewrites).tables(&["mangle"]);
        if self.ece.is_some() || self.cwr.is_some() { facts.protocol(6) } else { facts }
    }
}

impl Ecn {
    fn removes(&self) -> bool {
        *self == Self { ece: Some(false), cwr: Some(false), ect: None }
    }

    /// What is set, in the order in which it is printed.
    fn fields(&self) -> impl Iterator<Item = (&'static str, u8)> {
        let bit = |name, bit: Option<bool>| bit.map(|bit| (name, u8::from(bit)));
        let ect = self.ect.map(|ect| ("ip-ect", ect));
        [bit("tcp-ece", self.ece), bit("tcp-cwr", self.cwr), ect].into_iter().flatten()
    }
}
