//! `-m icmp`: type and code of an ICMP message. xt `icmp` revision 0, or the bytes of the header, see `shared/icmp.rs`.

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

/// Names of iptables-extensions(8); numbers of the IANA registry of ICMP parameters.
static DIALECT: Dialect = Dialect {
    xt: "icmp",
    protocol: 1,
    keys: [key::ICMP_TYPE, key::ICMP_CODE],
    option: "icmp-type",
    word: "icmp",
    title: "ICMP",
    any: Some(255),
    names: &[
        ("any", 255, 0, 255),
        ("echo-reply", 0, 0, 255),
        ("pong", 0, 0, 255),
        ("destination-unreachable", 3, 0, 255),
        ("network-unreachable", 3, 0, 0),
        ("host-unreachable", 3, 1, 1),
        ("protocol-unreachable", 3, 2, 2),
        ("port-unreachable", 3, 3, 3),
        ("fragmentation-needed", 3, 4, 4),
        ("source-route-failed", 3, 5, 5),
        ("network-unknown", 3, 6, 6),
        ("host-unknown", 3, 7, 7),
        ("network-prohibited", 3, 9, 9),
        ("host-prohibited", 3, 10, 10),
        ("TOS-network-unreachable", 3, 11, 11),
        ("TOS-host-unreachable", 3, 12, 12),
        ("communication-prohibited", 3, 13, 13),
        ("host-precedence-violation", 3, 14, 14),
        ("precedence-cutoff", 3, 15, 15),
        ("source-quench", 4, 0, 255),
        ("redirect", 5, 0, 255),
        ("network-redirect", 5, 0, 0),
        ("host-redirect", 5, 1, 1),
        ("TOS-network-redirect", 5, 2, 2),
        ("TOS-host-redirect", 5, 3, 3),
        ("echo-request", 8, 0, 255),
        ("ping", 8, 0, 255),
        ("router-advertisement", 9, 0, 255),
        ("router-solicitation", 10, 0, 255),
        ("time-exceeded", 11, 0, 255),
        ("ttl-exceeded", 11, 0, 255),
        ("ttl-zero-during-transit", 11, 0, 0),
        ("ttl-zero-during-reassembly", 11, 1, 1),
        ("parameter-problem", 12, 0, 255),
        ("ip-header-bad", 12, 0, 0),
        ("required-option-missing", 12, 1, 1),
        ("timestamp-request", 13, 0, 255),
        ("timestamp-reply", 14, 0, 255),
        ("address-mask-request", 17, 0, 255),
        ("address-mask-reply", 18, 0, 255),
    ],
};

/// The typed form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Icmp {
    /// Type and code; type 255 is every type, and its code says nothing.
    pub what: TypeCode,
}

impl Extension for Icmp {
    const NAME: &'static str = "icmp";
    const FAMILIES: Families = Families::Ipv4;
    const IMPLIED_BY: &'static [&'static str] = &["icmp", "1"];
    const SUMMARY: &'static str = "type and code of an ICMP message";
    const OPTIONS: &'static [OptionSpec] =
        &[OptionSpec::value("icmp-type", "name|type[/code]|any", "the type, with or without a code")
            .invertible()
            .required()];
    const WHY_XT: &'static [&'static str] = &[
        "type 255 is every type, which has no native form with `!` or a code",
    ];

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
