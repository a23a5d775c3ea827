//! `-m ecn`: the ECN bits of the IP and of the TCP header.
//!
//! Compat: xt `ecn` revision 0. Native: masked comparisons of the bytes, except for TCP bits in a rule that does not say
//! `-p tcp`: the kernel refuses the xt match there, and so refuses the rule in both encodings.
//!
//! ```c
//! struct xt_ecn_info { __u8 operation, invert, ip_ect; union { struct { __u8 ect; } tcp; } proto; };  /* xt_ecn.h */
//! ```

use rfw_diagnostics::codes;
use rfw_nft::expr::{Base, CmpOp};
use rfw_nft::predicate::Field;
use rfw_nft::xt::Info;
use rfw_syntax::OptionSpec;

use crate::context::ParseCx;
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::traffic_class::{ECN_MASK, HINT_TOS, lift_test, lower_test};
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 4;
/// `XT_ECN_OP_MATCH_IP`.
const OP_IP: u8 = 0x01;
/// `IPPROTO_TCP`.
const TCP: u8 = 6;
/// The byte of a TCP header with its flags.
const FLAGS: Field = Field::Payload { base: Base::Transport, offset: 13, len: 1 };

/// The TCP bits in the order in which they are printed: `XT_ECN_OP_MATCH_*`, option, word of listings, bit of the header.
const BITS: [(u8, &str, &str, u8); 2] =
    [(0x10, "ecn-tcp-ece", "ECE", 0x40), (0x20, "ecn-tcp-cwr", "CWR", 0x80)];

/// The typed form; at least one test is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ecn {
    /// Whether each of the TCP bits is tested, and inverted.
    tcp: [Option<bool>; 2],
    /// Whether the test of the IP header is inverted, and the codepoint.
    ip: Option<(bool, u8)>,
}

impl Extension for Ecn {
    const NAME: &'static str = "ecn";
    const SUMMARY: &'static str = "the ECN bits of the IP and of the TCP header";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::flag("ecn-tcp-cwr", "congestion window reduced").invertible(),
        OptionSpec::flag("ecn-tcp-ece", "ECN echo").invertible(),
        OptionSpec::value("ecn-ip-ect", "0-3", "the codepoint of the IP header").invertible(),
    ];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        let tcp = BITS.map(|(_, option, ..)| uses.get(option).map(|used| used.inverted));
        let ip = uses.number("ecn-ip-ect", 0, ECN_MASK.into())?;
        let ip = ip.map(|ect| (uses.inverted("ecn-ip-ect"), u8::try_from(ect).unwrap_or(ECN_MASK)));
        let found = Self { tcp, ip };
        if found == Self::default() {
            return Err(uses.complaint(
                codes::OPTION_REQUIRED,
                "ECN match: some option required",
                "add `--ecn-ip-ect VALUE`, or `--ecn-tcp-ece` or `--ecn-tcp-cwr` after `-p tcp`",
            ));
        }
        Ok(found)
    }

    fn print(&self, out: &mut Printer<'_>) {
        for ((_, option, ..), test) in BITS.iter().zip(self.tcp) {
            if let Some(inverted) = test {
                out.option(inverted, option);
            }
        }
        if let Some((inverted, ect)) = self.ip {
            out.option(inverted, "ecn-ip-ect");
            out.fmt(format_args!(" {ect}"));
        }
    }

    fn list(&self, out: &mut Printer<'_>) {
        let sign = |inverted: bool| if inverted { "!" } else { "" };
        out.text(" ECN match");
        for ((_, _, word, _), test) in BITS.iter().zip(self.tcp) {
            if let Some(inverted) = test {
                out.fmt(format_args!(" {}{word}", sign(inverted)));
            }
        }
        if let Some((inverted, ect)) = self.ip {
            out.fmt(format_args!(" {}ECT={ect}", sign(inverted)));
        }
    }

    fn lower(&self, out: &mut Lowering) {
        if !out.native() || (self.tcp != [None, None] && out.protocol != Some((TCP, false))) {
            out.xt_match("ecn", 0, self.xt());
            return;
        }
        for ((_, _, _, bit), test) in BITS.into_iter().zip(self.tcp) {
            if let Some(inverted) = test {
                out.payload(Base::Transport, 13, 1);
                out.masked_equals(inverted, &[bit], &[bit]);
            }
        }
        if let Some((inverted, ect)) = self.ip {
            lower_test(out, inverted, ect, ECN_MASK);
        }
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if let Some(view) = run.xt_match("ecn", 0, SIZE) {
            let (operation, invert) = (view.u8(0), view.u8(1));
            let test = |op: u8| (operation & op != 0).then_some(invert & op != 0);
            let tcp = BITS.map(|(op, ..)| test(op));
            let lifted = Self { tcp, ip: test(OP_IP).map(|inverted| (inverted, view.u8(2))) };
            return (lifted != Self::default() && lifted.xt() == view.slice(0, SIZE.next_multiple_of(8)))
                .then_some(lifted);
        }
        let mut lifted = Self::default();
        if run.protocol == Some((TCP, false)) {
            for (slot, (_, _, _, bit)) in lifted.tcp.iter_mut().zip(BITS) {
                *slot = lift_bit(run, bit);
            }
        }
        // What was said of TOS is that match's.
        let (start, of_tos) = (run.position(), run.hinted(HINT_TOS));
        match lift_test(run) {
            Some((inverted, ect, ECN_MASK)) if ect & !ECN_MASK == 0 && !of_tos => lifted.ip = Some((inverted, ect)),
            _ => run.rewind(start),
        }
        (lifted != Self::default()).then_some(lifted)
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}

impl Ecn {
    fn xt(&self) -> Vec<u8> {
        let (mut operation, mut invert) = (0, 0);
        let tests = BITS.iter().zip(self.tcp).map(|((op, ..), test)| (*op, test));
        for (op, test) in tests.chain([(OP_IP, self.ip.map(|(inverted, _)| inverted))]) {
            operation |= if test.is_some() { op } else { 0 };
            invert |= if test == Some(true) { op } else { 0 };
        }
        let ect = self.ip.map_or(0, |(_, ect)| ect);
        Info::new(SIZE).u8(0, operation).u8(1, invert).u8(2, ect).finish()
    }
}

/// Takes a test of one bit of the TCP flags: whether it is to be clear.
fn lift_bit(run: &mut Run<'_>, bit: u8) -> Option<bool> {
    let start = run.position();
    let found = run.masked(&FLAGS).and_then(|test| match (test.mask, test.op, test.value) {
        (Some(&[mask]), CmpOp::Eq, &[value]) if mask == bit && (value == bit || value == 0) => Some(value == 0),
        (Some(&[mask]), CmpOp::Neq, &[value]) if mask == bit && (value == bit || value == 0) => Some(value != 0),
        _ => None,
    });
    if found.is_none() {
        run.rewind(start);
    }
    found
}
