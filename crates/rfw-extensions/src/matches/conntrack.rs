//! `-m conntrack`: what connection tracking knows of the packet's connection.
//!
//! Compat: xt `conntrack` revision 3 (`xt_conntrack.h`, host order; addresses in network order):
//!
//! ```c
//! struct xt_conntrack_mtinfo3 {
//!     union nf_inet_addr origsrc_addr, origsrc_mask, origdst_addr, origdst_mask;
//!     union nf_inet_addr replsrc_addr, replsrc_mask, repldst_addr, repldst_mask;
//!     __u32 expires_min, expires_max;
//!     __u16 l4proto, origsrc_port, origdst_port, replsrc_port, repldst_port;
//!     __u16 match_flags, invert_flags, state_mask, status_mask;
//!     __u16 origsrc_port_high, origdst_port_high, replsrc_port_high, repldst_port_high;
//! };
//! ```
//!
//! Native: one `ct` test per option, as long as all of them together ask the same (see [`Conntrack::is_native`]). Two native
//! matches side by side are told apart by hint 3, which stands before the second.

mod native;
mod words;

use rfw_diagnostics::codes;
use rfw_nft::Expr;
use rfw_nft::expr::{CtDir, ct};
use rfw_nft::predicate::{Field, Item};
use rfw_nft::xt::{Info, View};
use rfw_syntax::{OptionSpec, Use, Word};
use rfw_values::address::octets;

use crate::context::{Family, ParseCx};
use crate::facts::{Effect, Facts};
use crate::lifting::Run;
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::selector::Inv;
use crate::shared::net::Net;
use crate::shared::protocol::parse_protocol;
use crate::shared::states::{self, DNAT, PLAIN, SNAT, States};
use crate::uses::Uses;
use crate::{Extension, Parsed};

const SIZE: usize = 164;
/// The spelling `-m state`, see `state.rs`.
const HINT_STATE: u8 = 1;
/// A second `-m conntrack` begins here.
const HINT_NEXT: u8 = 3;

/// `XT_CONNTRACK_*` flags; those of addresses and ports are in [`SIDES`].
const STATE: u16 = 0x01;
const PROTO: u16 = 0x02;
const STATUS: u16 = 0x40;
const EXPIRES: u16 = 0x80;
const DIRECTION: u16 = 0x1000;
const KNOWN: u16 = 0x1fff;

/// `IPS_EXPECTED` and so on, in the order in which they are printed.
const STATUSES: [(&str, u16); 4] = [("EXPECTED", 1), ("SEEN_REPLY", 2), ("ASSURED", 4), ("CONFIRMED", 8)];
const ALL_STATUSES: u16 = 15;

/// One end of the connection in one direction: where its address and port are in every encoding.
struct Side {
    address: &'static str,
    port: &'static str,
    address_flag: u16,
    port_flag: u16,
    /// Offsets of the address (its mask follows), the port and the last port.
    offsets: [usize; 3],
    dir: CtDir,
    source: bool,
}

const SIDES: [Side; 4] = [
    Side { address: "ctorigsrc", port: "ctorigsrcport", address_flag: 0x04, port_flag: 0x100, offsets: [0, 138, 154], dir: CtDir::Original, source: true },
    Side { address: "ctorigdst", port: "ctorigdstport", address_flag: 0x08, port_flag: 0x200, offsets: [32, 140, 156], dir: CtDir::Original, source: false },
    Side { address: "ctreplsrc", port: "ctreplsrcport", address_flag: 0x10, port_flag: 0x400, offsets: [64, 142, 158], dir: CtDir::Reply, source: true },
    Side { address: "ctrepldst", port: "ctrepldstport", address_flag: 0x20, port_flag: 0x800, offsets: [96, 144, 160], dir: CtDir::Reply, source: false },
];

impl Side {
    fn address_field(&self, family: Family) -> Field {
        let key = match (family, self.source) {
            (Family::Ipv4, true) => ct::SRC_IP,
            (Family::Ipv4, false) => ct::DST_IP,
            (Family::Ipv6, true) => ct::SRC_IP6,
            (Family::Ipv6, false) => ct::DST_IP6,
        };
        Field::Ct { key, dir: Some(self.dir) }
    }

    fn port_key(&self) -> u32 {
        if self.source { ct::PROTO_SRC } else { ct::PROTO_DST }
    }
}

/// The typed form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conntrack {
    states: Option<States>,
    protocol: Option<Inv<u8>>,
    addresses: [Option<Inv<Net>>; 4],
    /// First and last port; 1.8.9 takes ranges that run backwards, which no port is in.
    ports: [Option<Inv<(u16, u16)>>; 4],
    status: Option<Inv<u16>>,
    /// Seconds, first and last; may run backwards too.
    expires: Option<Inv<(u32, u32)>>,
    direction: Option<CtDir>,
}

impl Extension for Conntrack {
    const NAME: &'static str = "conntrack";
    const SUMMARY: &'static str = "state, addresses and lifetime of the packet's connection";
    const OPTIONS: &'static [OptionSpec] = &[
        OptionSpec::value("ctstate", "state[,state...]", "INVALID, NEW, RELATED, ESTABLISHED, UNTRACKED, SNAT or DNAT").invertible(),
        OptionSpec::value("ctproto", "protocol", "protocol of the connection").invertible(),
        OptionSpec::value("ctorigsrc", "address[/mask]", "source of the first packet").invertible(),
        OptionSpec::value("ctorigdst", "address[/mask]", "destination of the first packet").invertible(),
        OptionSpec::value("ctreplsrc", "address[/mask]", "source of the answers").invertible(),
        OptionSpec::value("ctrepldst", "address[/mask]", "destination of the answers").invertible(),
        OptionSpec::value("ctorigsrcport", "port[:port]", "source port of the first packet").invertible(),
        OptionSpec::value("ctorigdstport", "port[:port]", "destination port of the first packet").invertible(),
        OptionSpec::value("ctreplsrcport", "port[:port]", "source port of the answers").invertible(),
        OptionSpec::value("ctrepldstport", "port[:port]", "destination port of the answers").invertible(),
        OptionSpec::value("ctstatus", "status[,status...]", "NONE, EXPECTED, SEEN_REPLY, ASSURED or CONFIRMED").invertible(),
        OptionSpec::value("ctexpire", "seconds[:seconds]", "how long the connection stays known").invertible(),
        OptionSpec::value("ctdir", "ORIGINAL|REPLY", "direction of the packet"),
    ];
    const WHY_XT: &'static [&'static str] = &[
        "SNAT and DNAT are asked of another field than the other states, and with `!` a packet without a connection passes the match alone",
        "for a packet without a connection the match answers by the state alone, native tests by every option",
        "an address has bits outside its mask, or a range runs backwards, or its seconds do not fit: the match takes that and is never true",
    ];

    fn parse(uses: &Uses<'_, '_>, cx: &ParseCx<'_>) -> Parsed<Self> {
        if uses.list.is_empty() {
            let help = "add `--ctstate STATE`, or drop the match";
            return Err(uses.complaint(codes::OPTION_REQUIRED, "conntrack: At least one option is required", help));
        }
        let mut out = Self::default();
        for used in uses.list {
            if let Some(word) = used.value() {
                out.set(used, word, cx)?;
            }
        }
        Ok(out)
    }

    fn print(&self, out: &mut Printer<'_>) {
        self.write(out, "--", true);
    }

    fn list(&self, out: &mut Printer<'_>) {
        let numeric = out.numeric;
        self.write(out, "", numeric);
    }

    fn lower(&self, out: &mut Lowering) {
        if !out.native() || !self.is_native() {
            out.xt_match("conntrack", 3, self.xt());
            return;
        }
        if ends_with_ct_test(&out.exprs) {
            out.hint(HINT_NEXT);
        }
        self.lower_native(out);
    }

    fn lift(run: &mut Run<'_>) -> Option<Self> {
        if let Some(view) = run.xt_match("conntrack", 3, SIZE) {
            return Self::from_xt(&view, run.family);
        }
        let mut found = Self::default();
        while !run.hinted(HINT_STATE) && (found == Self::default() || !run.hinted(HINT_NEXT)) {
            let start = run.position();
            let mut next = found.clone();
            if !next.claim(run) || !next.is_native() {
                run.rewind(start);
                break;
            }
            found = next;
        }
        (found != Self::default()).then_some(found)
    }

    fn why_xt(&self) -> Option<&'static str> {
        let plain = self.states.is_none_or(|s| s.is_native());
        let needed = self.states.is_none_or(|s| s.needs_connection());
        let alone = Self { states: self.states, ..Self::default() };
        let reason = match (plain, needed || *self == alone) {
            (false, _) => 0,
            (_, false) => 1,
            _ => 2,
        };
        Some(Self::WHY_XT[reason])
    }

    fn facts(&self) -> Facts<'_> {
        // The remaining lifetime differs between equal packets.
        let facts = if self.expires.is_some() { Facts::new(Effect::Limits) } else { Facts::PURE };
        facts.reassembles()
    }
}

impl Conntrack {
    /// The states of `--ctstate`.
    #[must_use]
    pub fn states(&self) -> Option<States> {
        self.states
    }

    /// Whether native expressions ask exactly the same.
    ///
    /// For a packet without a connection xt answers yes as soon as the state test passes, whatever else is asked; native
    /// tests answer no. So a state may stand beside other options only if it needs a connection itself.
    fn is_native(&self) -> bool {
        let alone = Self { states: self.states, ..Self::default() };
        let states = self.states.is_none_or(|s| s.is_native() && (s.needs_connection() || *self == alone));
        states
            && self.addresses.iter().flatten().all(|a| !a.value.has_host_bits())
            && self.ports.iter().flatten().all(|p| p.value.0 <= p.value.1)
            && self.expires.as_ref().is_none_or(|e| native::milliseconds(e.value).is_some())
    }

    fn set(&mut self, used: &Use<'_>, word: &Word<'_>, cx: &ParseCx<'_>) -> Parsed<()> {
        let inverted = used.inverted;
        let name = used.option.key();
        match name {
            "ctstate" => self.states = Some(States { inverted, mask: words::parse_states(word)? }),
            "ctproto" => self.protocol = Some(Inv { inverted, value: parse_protocol(word, cx)? }),
            "ctstatus" => self.status = Some(Inv { inverted, value: words::parse_statuses(word)? }),
            "ctexpire" => self.expires = Some(Inv { inverted, value: words::parse_seconds(word)? }),
            "ctdir" => self.direction = Some(words::parse_direction(word)?),
            _ => {
                for (index, side) in SIDES.iter().enumerate() {
                    if side.address == name {
                        self.addresses[index] = Some(Inv { inverted, value: Net::parse(word, Self::NAME, name, cx)? });
                    } else if side.port == name {
                        self.ports[index] = Some(Inv { inverted, value: words::parse_ports(word, name, cx)? });
                    }
                }
            }
        }
        Ok(())
    }

    fn write(&self, out: &mut Printer<'_>, dashes: &str, numeric: bool) {
        let head = |out: &mut Printer<'_>, inverted: bool, name: &str| {
            out.fmt(format_args!("{} {dashes}{name} ", if inverted { " !" } else { "" }));
        };
        if let Some(states) = self.states {
            head(out, states.inverted, "ctstate");
            out.text(&states.text());
        }
        if let Some(protocol) = &self.protocol {
            head(out, protocol.inverted, "ctproto");
            out.fmt(format_args!("{}", protocol.value));
        }
        for (side, net) in SIDES.iter().zip(&self.addresses) {
            if let Some(net) = net {
                head(out, net.inverted, side.address);
                net.value.write(out, numeric);
            }
        }
        for (side, ports) in SIDES.iter().zip(&self.ports) {
            if let Some(ports) = ports {
                head(out, ports.inverted, side.port);
                // The original shows `5:0` as `5`, which is another rule.
                write_range(out, ports.value);
            }
        }
        if let Some(status) = &self.status {
            head(out, status.inverted, "ctstatus");
            out.text(&status_text(status.value));
        }
        if let Some(expires) = &self.expires {
            head(out, expires.inverted, "ctexpire");
            write_range(out, expires.value);
        }
        match self.direction {
            Some(CtDir::Original) => out.fmt(format_args!(" {dashes}ctdir ORIGINAL")),
            Some(CtDir::Reply) => out.fmt(format_args!(" {dashes}ctdir REPLY")),
            None => {}
        }
    }

    fn xt(&self) -> Vec<u8> {
        let mut info = Info::new(SIZE);
        let (mut flags, mut inverted) = (0u16, 0u16);
        let mut flag = |bit: u16, not: bool| {
            flags |= bit;
            inverted |= if not { bit } else { 0 };
        };
        if let Some(states) = self.states {
            flag(STATE, states.inverted);
            info = info.u16(150, states.mask);
        }
        if let Some(protocol) = &self.protocol {
            flag(PROTO, protocol.inverted);
            info = info.u16(136, protocol.value.into());
        }
        for (index, side) in SIDES.iter().enumerate() {
            let [address, low, high] = side.offsets;
            if let Some(net) = &self.addresses[index] {
                flag(side.address_flag, net.inverted);
                info = net.value.store(info, address);
            }
            if let Some(ports) = &self.ports[index] {
                flag(side.port_flag, ports.inverted);
                info = info.u16(low, ports.value.0).u16(high, ports.value.1);
            }
        }
        if let Some(status) = &self.status {
            flag(STATUS, status.inverted);
            info = info.u16(152, status.value);
        }
        if let Some(expires) = &self.expires {
            flag(EXPIRES, expires.inverted);
            info = info.u32(128, expires.value.0).u32(132, expires.value.1);
        }
        if let Some(direction) = self.direction {
            flag(DIRECTION, direction == CtDir::Reply);
        }
        info.u16(146, flags).u16(148, inverted).finish()
    }

    fn from_xt(view: &View<'_>, family: Family) -> Option<Self> {
        let (flags, inverted) = (view.u16(146), view.u16(148));
        if flags == 0 || flags & !KNOWN != 0 {
            return None;
        }
        let has = |bit: u16| flags & bit != 0;
        let not = |bit: u16| inverted & bit != 0;
        let mut found = Self::default();
        if has(STATE) {
            found.states = Some(States::from_bits(not(STATE), view.u16(150), PLAIN | SNAT | DNAT)?);
        }
        if has(PROTO) {
            found.protocol = Some(Inv { inverted: not(PROTO), value: u8::try_from(view.u16(136)).ok()? });
        }
        for (index, side) in SIDES.iter().enumerate() {
            let [address, low, high] = side.offsets;
            if has(side.address_flag) {
                let value = Net::load(view, address, family);
                found.addresses[index] = Some(Inv { inverted: not(side.address_flag), value });
            }
            if has(side.port_flag) {
                let value = (view.u16(low), view.u16(high));
                found.ports[index] = Some(Inv { inverted: not(side.port_flag), value });
            }
        }
        if has(STATUS) {
            let value = Some(view.u16(152)).filter(|mask| mask & !ALL_STATUSES == 0)?;
            found.status = Some(Inv { inverted: not(STATUS), value });
        }
        if has(EXPIRES) {
            found.expires = Some(Inv { inverted: not(EXPIRES), value: (view.u32(128), view.u32(132)) });
        }
        if has(DIRECTION) {
            found.direction = Some(if not(DIRECTION) { CtDir::Reply } else { CtDir::Original });
        }
        Some(found)
    }

    fn lower_native(&self, out: &mut Lowering) {
        if let Some(states) = self.states {
            states.lower(out);
        }
        if let Some(protocol) = &self.protocol {
            out.ct(ct::PROTOCOL, None);
            out.equals(protocol.inverted, &[protocol.value]);
        }
        for (side, net) in SIDES.iter().zip(&self.addresses) {
            if let (Some(net), Field::Ct { key, dir }) = (net, side.address_field(out.family)) {
                out.ct(key, dir);
                out.masked_equals(net.inverted, &octets(net.value.address), net.value.mask.significant());
            }
        }
        for (side, ports) in SIDES.iter().zip(&self.ports) {
            if let Some(Inv { inverted, value: (low, high) }) = ports {
                out.ct(side.port_key(), Some(side.dir));
                if low == high {
                    out.equals(*inverted, &low.to_be_bytes());
                } else {
                    out.in_range(*inverted, &low.to_be_bytes(), &high.to_be_bytes());
                }
            }
        }
        if let Some(status) = &self.status {
            out.ct(ct::STATUS, None);
            states::any_of(out, status.inverted, status.value.into());
        }
        if let Some((expires, (from, to))) = self.expires.as_ref().and_then(|e| Some((e, native::milliseconds(e.value)?))) {
            out.ct(ct::EXPIRATION, None);
            out.hton(4, 4);
            out.in_range(expires.inverted, &from.to_be_bytes(), &to.to_be_bytes());
        }
        if let Some(direction) = self.direction {
            out.ct(ct::DIRECTION, None);
            out.equals(false, &[direction as u8]);
        }
    }

    /// Takes one native test into a part that is still free. The cursor may be anywhere if it answers no.
    fn claim(&mut self, run: &mut Run<'_>) -> bool {
        let Some(Item::Test { value, .. }) = run.peek(0) else { return false };
        let Field::Ct { key, dir } = value.field else { return false };
        match (key, dir) {
            (ct::STATE, None) => put(&mut self.states, States::lift(run)),
            (ct::STATUS, None) => {
                if let Some(states) = States::lift(run) {
                    return put(&mut self.states, Some(states));
                }
                put(&mut self.status, native::status(run))
            }
            (ct::PROTOCOL, _) => put(&mut self.protocol, native::byte(run, key, dir)),
            (ct::EXPIRATION, None) => put(&mut self.expires, native::expires(run)),
            (ct::DIRECTION, None) => {
                let found = native::byte(run, key, dir).and_then(|d| match (d.inverted, d.value) {
                    (false, 0) | (true, 1) => Some(CtDir::Original),
                    (false, 1) | (true, 0) => Some(CtDir::Reply),
                    _ => None,
                });
                put(&mut self.direction, found)
            }
            (_, Some(dir)) => self.claim_side(run, key, dir),
            _ => false,
        }
    }

    fn claim_side(&mut self, run: &mut Run<'_>, key: u32, dir: CtDir) -> bool {
        let Some(index) = SIDES.iter().position(|s| {
            let source = matches!(key, ct::SRC | ct::SRC_IP | ct::SRC_IP6 | ct::PROTO_SRC);
            s.dir == dir && s.source == source
        }) else {
            return false;
        };
        match key {
            ct::PROTO_SRC | ct::PROTO_DST => put(&mut self.ports[index], native::ports(run)),
            // `nft` writes the key without a family where the table has one.
            ct::SRC | ct::DST | ct::SRC_IP | ct::DST_IP | ct::SRC_IP6 | ct::DST_IP6 => {
                put(&mut self.addresses[index], native::net(run, key, dir))
            }
            _ => false,
        }
    }
}

fn put<T>(slot: &mut Option<T>, found: Option<T>) -> bool {
    let taken = slot.is_none() && found.is_some();
    if taken {
        *slot = found;
    }
    taken
}

/// Whether the last expressions are a test that this match could have lowered.
fn ends_with_ct_test(exprs: &[Expr]) -> bool {
    let tail = |e: &&Expr| !matches!(e, Expr::Cmp { .. } | Expr::Range { .. } | Expr::Bitwise { .. } | Expr::Byteorder { .. });
    let load = exprs.iter().rev().find(tail);
    matches!(load, Some(Expr::Ct { key, .. }) if *key != ct::MARK) && !matches!(exprs.last(), Some(Expr::Ct { .. }))
}

fn write_range<T: PartialEq + std::fmt::Display>(out: &mut Printer<'_>, (from, to): (T, T)) {
    if from == to {
        out.fmt(format_args!("{from}"));
    } else {
        out.fmt(format_args!("{from}:{to}"));
    }
}

fn status_text(mask: u16) -> String {
    if mask == 0 {
        return "NONE".into();
    }
    STATUSES.iter().filter(|(_, bit)| mask & bit != 0).map(|(name, _)| *name).collect::<Vec<_>>().join(",")
}
