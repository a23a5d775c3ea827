//! `-m icmp6`: type and code of an ICMPv6 message. xt `icmp6` revision 0, or the bytes of the header, see `shared/icmp.rs`.

use rfw_nft::set::key;
use rfw_syntax::OptionSpec;

use crate::context::{Families, ParseCx};
use crate::facts::Facts;
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::shared::icmp::{Dialect, TypeCode};
use crate::uses::Uses;
use crate::{Extension, Parsed};

/// Names of iptables-extensions(8); numbers of the IANA registry of ICMPv6 parameters.
static DIALECT: Dialect = Dialect {
    xt: "icmp6",
    protocol: 58,
    keys: [key::ICMP6_TYPE, key::ICMPV6_CODE],
    option: "icmpv6-type",
    word: "ipv6-icmp",
    title: "ICMPv6",
    any: None,
    names: &[
        ("destination-unreachable", 1, 0, 255),
        ("no-route", 1, 0, 0),
        ("communication-prohibited", 1, 1, 1),
        ("beyond-scope", 1, 2, 2),
        ("address-unreachable", 1, 3, 3),
        ("port-unreachable", 1, 4, 4),
        ("failed-policy", 1, 5, 5),
        ("reject-route", 1, 6, 6),
        ("packet-too-big", 2, 0, 255),
        ("time-exceeded", 3, 0, 255),
        ("ttl-exceeded", 3, 0, 255),
        ("ttl-zero-during-transit", 3, 0, 0),
        ("ttl-zero-during-reassembly", 3, 1, 1),
        ("parameter-problem", 4, 0, 255),
        ("bad-header", 4, 0, 0),
        ("unknown-header-type", 4, 1, 1),
        ("unknown-option", 4, 2, 2),
        ("echo-request", 128, 0, 255),
        ("ping", 128, 0, 255),
        ("echo-reply", 129, 0, 255),
        ("pong", 129, 0, 255),
        ("router-solicitation", 133, 0, 255),
        ("router-advertisement", 134, 0, 255),
        ("neighbour-solicitation", 135, 0, 255),
        ("neighbor-solicitation", 135, 0, 255),
        ("neighbour-advertisement", 136, 0, 255),
        ("neighbor-advertisement", 136, 0, 255),
        ("redirect", 137, 0, 255),
    ],
};

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Icmp6 {
    /// Type and code.
    pub what: TypeCode,
}

impl Extension for Icmp6 {
    const NAME: &'static str = "icmp6";
    const ALIASES: &'static [&'static str] = &["icmpv6", "ipv6-icmp"];
    const FAMILIES: Families = Families::Ipv6;
    const IMPLIED_BY: &'static [&'static str] = &["icmpv6", "ipv6-icmp", "58"];
    const SUMMARY: &'static str = "type and code of an ICMPv6 message";
    const OPTIONS: &'static [OptionSpec] =
        &[OptionSpec::value("icmpv6-type", "name|type[/code]", "the type, with or without a code")
            .invertible()
            .required()];

    fn parse(uses: &Uses<'_, '_>, _cx: &ParseCx<'_>) -> Parsed<Self> {
        TypeCode::parse(uses, &DIALECT).map(|what| Self { what })
    }

    fn print(&self, out: &mut Printer<'_>) {
        self.what.print(out, &DIALECT);
    }

    fn list(&self, out: &mut Printer<'_>) {
        self.what.list(out, &DIALECT);
    }

    fn lower(&self, out: &mut Lowering) {
        self.what.lower(out, &DIALECT);
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        TypeCode::lift(run, &DIALECT).map(|what| Self { what })
    }

    fn facts(&self) -> Facts<'_> {
        Facts::PURE
    }
}
