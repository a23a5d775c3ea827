//! `-j REJECT`: drops the packet and answers with an error.
//!
//! Compat: xt `REJECT` revision 0, `{ __u32 with; }` (`ipt_REJECT.h`, `ip6t_REJECT.h`: two different lists). Native:
//! `reject`, which leaves the answer to the same kernel functions. `tcp-reset` without `-p tcp` is xt in both: the kernel
//! refuses it there, and iptables with it.

use rfw_diagnostics::{Classic, Diagnostic, codes};
use rfw_nft::Family;
use rfw_nft::expr::Expr;
use rfw_nft::xt::Info;
use rfw_syntax::{OptionSpec, Word};

use crate::context::ParseCx;
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::uses::{Uses, bad_choice};
use crate::{Extension, Parsed};

const SIZE: usize = 4;
/// `IPPROTO_TCP`, not inverted.
const TCP: Option<(u8, bool)> = Some((6, false));
/// `NFT_REJECT_ICMP_UNREACH`.
const ICMP: u32 = 0;
/// `NFT_REJECT_TCP_RST`.
const RESET: u32 = 1;

/// One answer.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    name: &'static str,
    alias: &'static str,
    /// `IPT_*`, `IP6T_*`.
    xt: u32,
    /// The code of the ICMP message, `None` for a TCP reset.
    icmp: Option<u8>,
}

const fn answer(name: &'static str, alias: &'static str, xt: u32, icmp: Option<u8>) -> Answer {
    Answer { name, alias, xt, icmp }
}

/// In the order in which an abbreviation is looked for.
static ANSWERS_V4: &[Answer] = &[
    answer("icmp-net-unreachable", "net-unreach", 0, Some(0)),
    answer("icmp-host-unreachable", "host-unreach", 1, Some(1)),
    answer("icmp-proto-unreachable", "proto-unreach", 2, Some(2)),
    answer("icmp-port-unreachable", "port-unreach", 3, Some(3)),
    answer("icmp-net-prohibited", "net-prohib", 5, Some(9)),
    answer("icmp-host-prohibited", "host-prohib", 6, Some(10)),
    answer("tcp-reset", "tcp-rst", 7, None),
    answer("icmp-admin-prohibited", "admin-prohib", 8, Some(13)),
];
static ANSWERS_V6: &[Answer] = &[
    answer("icmp6-no-route", "no-route", 0, Some(0)),
    answer("icmp6-adm-prohibited", "adm-prohibited", 1, Some(1)),
    answer("icmp6-addr-unreachable", "addr-unreach", 3, Some(3)),
    answer("icmp6-port-unreachable", "port-unreach", 4, Some(4)),
    answer("tcp-reset", "tcp-reset", 6, None),
    answer("icmp6-policy-fail", "policy-fail", 7, Some(5)),
    answer("icmp6-reject-route", "reject-route", 8, Some(6)),
];

fn answers(family: Family) -> &'static [Answer] {
    match family {
        Family::Ipv4 => ANSWERS_V4,
        Family::Ipv6 => ANSWERS_V6,
    }
}

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    answer: &'static Answer,
}

impl Reject {
    /// Whether it answers with a TCP reset.
    #[must_use]
    pub fn is_reset(&self) -> bool {
        self.answer.icmp.is_none()
    }
}

impl Extension for Reject {
    const NAME: &'static str = "REJECT";
    const SUMMARY: &'static str = "drops the packet and tells the sender";
    const OPTIONS: &'static [OptionSpec] = &[OptionSpec::value(
        "reject-with",
        "type",
        "the answer, icmp-port-unreachable or icmp6-port-unreachable by default",
    )];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        let answer = match uses.word("reject-with") {
            Some(word) => parse_answer(word, cx.family)?,
            None => default_answer(cx.family),
        };
        Ok(Self { answer })
    }

    fn print(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" --reject-with {}", self.answer.name));
    }

    fn list(&self, out: &mut Printer<'_>) {
        out.fmt(format_args!(" reject-with {}", self.answer.name));
    }

    fn lower(&self, out: &mut Lowering) {
        let expr = match self.answer.icmp {
            Some(code) if out.native() => Expr::Reject { kind: ICMP, code: Some(code) },
            None if out.native() && out.protocol == TCP => Expr::Reject { kind: RESET, code: None },
            _ => return out.xt_target("REJECT", 0, Info::new(SIZE).u32(0, self.answer.xt).finish()),
        };
        out.push(expr);
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        let (family, protocol) = (run.family, run.protocol);
        let find = |wanted: &dyn Fn(&Answer) -> bool| {
            let answer = answers(family).iter().find(|a| wanted(a))?;
            (answer.icmp.is_some() || protocol == TCP).then_some(Self { answer })
        };
        if let Some(view) = run.xt_target("REJECT", 0, SIZE) {
            return find(&|a| a.xt == view.u32(0));
        }
        run.plain(|expr| match expr {
            Expr::Reject { kind: ICMP, code: Some(code) } => find(&|a| a.icmp == Some(*code)),
            Expr::Reject { kind: RESET, .. } => find(&|a| a.icmp.is_none()),
            _ => None,
        })
    }

    fn facts(&self) -> Facts<'_> {
        let facts = Facts::new(Effect::Ends).refuses().tables(&["filter"]);
        if self.is_reset() { facts.protocol(6) } else { facts }
    }
}

fn default_answer(family: Family) -> &'static Answer {
    match family {
        Family::Ipv4 => &ANSWERS_V4[3],
        Family::Ipv6 => &ANSWERS_V6[3],
    }
}

/// Any beginning of a name or alias will do, whatever its case.
fn parse_answer(word: &Word<'_>, family: Family) -> Parsed<&'static Answer> {
    let text: &[u8] = &word.text;
    let begins =
        |name: &str| name.as_bytes().get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text));
    let found = answers(family).iter().find(|a| begins(a.name) || begins(a.alias));
    found.ok_or_else(|| {
        if family == Family::Ipv4 && (begins("echo-reply") || begins("echoreply")) {
            return Box::new(
                Diagnostic::error(codes::BAD_VALUE, word.span, "no kernel answers with an echo reply any more")
                    .help("leave `--reject-with` out for icmp-port-unreachable")
                    .classic(Classic::Announced {
                        line: "--reject-with echo-reply no longer supported".into(),
                        text: format!("unknown reject type \"{}\"", word.lossy()),
                    }),
            );
        }
        let names: Vec<&str> = answers(family).iter().map(|a| a.name).collect();
        bad_choice(word, text, word.span, &names, format!("unknown reject type \"{}\"", word.lossy()))
    })
}
