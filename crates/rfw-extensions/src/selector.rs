//! `-s -d -i -o -p -f`: the matches that are always loaded.
//!
//! Both encodings are the same expressions (encoding.md 1.1), in the order interface, protocol, addresses, fragment.
//! Lifting accepts any order and what nft writes by hand, as long as each field is tested once.

use std::borrow::Cow;
use std::net::IpAddr;

use rfw_diagnostics::{Classic, Diagnostic, codes};
use rfw_nft::expr::{Base, CmpOp, Expr, REG_1, meta};
use rfw_nft::predicate::{Field, Item, Op, Raised, Relation, Value};
use rfw_syntax::{Negatable, RuleAst, Word};
use rfw_values::address::{from_octets, full_mask, octets};
use rfw_values::{AddrMask, HostOrAddr, Interface};
use smallvec::{SmallVec, smallvec};

use crate::context::{Family, Names, ParseCx};
use crate::lowering::Lowering;
use crate::printer::Printer;
use crate::{Parsed, protocols, uses};

/// What `! -i +` compares with: a name no interface has (encoding.md 1.1).
const NO_INTERFACE: &[u8] = b"INVAL/D\0";

/// A test that `!` may turn round.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inv<T> {
    /// Whether `!` stood before it.
    pub inverted: bool,
    /// What is tested.
    pub value: T,
}

/// The always-loaded matches of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// `-s`; `None` for an address of length 0, which every packet has.
    pub source: Option<Inv<AddrMask>>,
    /// `-d`.
    pub destination: Option<Inv<AddrMask>>,
    /// `-i`.
    pub in_interface: Option<Inv<Interface>>,
    /// `-o`.
    pub out_interface: Option<Inv<Interface>>,
    /// `-p`: never 0.
    pub protocol: Option<Inv<u8>>,
    /// `-f`.
    pub fragment: Option<bool>,
}

/// Protocols that iptables knows without `/etc/protocols`.
const PROTOCOLS: &[(&str, u8)] = &[
    ("tcp", 6),
    ("sctp", 132),
    ("udp", 17),
    ("udplite", 136),
    ("icmp", 1),
    ("icmpv6", 58),
    ("ipv6-icmp", 58),
    ("esp", 50),
    ("ah", 51),
    ("ipv6-mh", 135),
    ("mh", 135),
    ("all", 0),
];

/// The number of a protocol by its lower-case name: the system's names, then iptables' own.
#[must_use]
pub fn protocol_number(name: &[u8], names: &dyn Names) -> Option<u8> {
    let own = || PROTOCOLS.iter().find(|(n, _)| n.as_bytes() == name).map(|(_, number)| *number);
    names.protocol_number(name).or_else(own)
}

/// The name of a protocol: the system's, then iptables' own.
#[must_use]
pub fn protocol_name(number: u8, names: &dyn Names) -> Option<String> {
    let own = || PROTOCOLS.iter().find(|(_, n)| *n == number).map(|(name, _)| (*name).to_owned());
    names.protocol_name(number).or_else(own)
}

/// The number after `-p`, if the word is a protocol. 0 is every protocol.
///
/// # Errors
/// With iptables' words.
pub fn parse_protocol(part: &Negatable<Word<'_>>, cx: &ParseCx<'_>) -> Parsed<(u8, bool)> {
    let word = &part.value;
    let mut lower = Cow::Borrowed(&word.text[..]);
    if lower.iter().any(u8::is_ascii_uppercase) {
        lower.to_mut().make_ascii_lowercase();
    }
    let number = match rfw_values::number::prefix(&lower) {
        Some((number, len)) if len == lower.len() => u8::try_from(number).ok(),
        _ => None,
    };
    let number = number.or_else(|| protocol_number(&lower, cx.names));
    let Some(number) = number else {
        let known = [
            "tcp",
            "udp",
            "icmp",
            "icmpv6",
            "ipv6-icmp",
            "sctp",
            "dccp",
            "udplite",
            "esp",
            "ah",
            "gre",
            "all",
        ];
        let help = match rfw_values::suggest(&lower, known) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "a name of /etc/protocols or a number from 0 to 255".into(),
        };
        return Err(Box::new(
            Diagnostic::error(
                codes::UNKNOWN_PROTOCOL,
                word.span,
                format!("there is no protocol `{}`", word.lossy()),
            )
            .help(help)
            .parameter(format!("unknown protocol \"{}\" specified", word.lossy())),
        ));
    };
    if number == 0 && part.inverted {
        return Err(Box::new(
            Diagnostic::error(codes::BAD_VALUE, part.span, "no packet has none of all protocols")
                .help("name the protocol to exclude")
                .parameter("rule would never match protocol"),
        ));
    }
    Ok((number, part.inverted))
}

impl Selector {
    /// The selectors of a rule: one for each pair of source and destination address.
    ///
    /// # Errors
    /// The first bad value.
    pub fn parse(rule: &RuleAst<'_>, cx: &ParseCx<'_>) -> Parsed<SmallVec<[Self; 1]>> {
        let mut base = Self::default();
        if let Some(part) = &rule.fragment {
            if cx.family == Family::Ipv6 {
                return Err(Box::new(
                    Diagnostic::error(codes::UNKNOWN_OPTION, part.span, "IPv6 has no `-f`")
                        .help("use `-m frag`")
                        .parameter("`-f' is not supported in IPv6, use -m frag instead"),
                ));
            }
            base.fragment = Some(part.inverted);
        }
        base.in_interface = interface(rule.in_interface.as_ref())?;
        base.out_interface = interface(rule.out_interface.as_ref())?;
        base.protocol = cx.protocol.filter(|p| p.0 != 0).map(|(value, inverted)| Inv { inverted, value });
        let sources = addresses(rule.source.as_ref(), cx)?;
        let destinations = addresses(rule.destination.as_ref(), cx)?;
        let mut all = SmallVec::with_capacity(sources.len() * destinations.len());
        for source in &sources {
            for destination in &destinations {
                all.push(Self { source: source.clone(), destination: destination.clone(), ..base.clone() });
            }
        }
        Ok(all)
    }

    /// The protocol, as other parts of the rule ask for it.
    #[must_use]
    pub fn protocol_pair(&self) -> Option<(u8, bool)> {
        self.protocol.as_ref().map(|p| (p.value, p.inverted))
    }

    /// The options as iptables-save prints them, each with a leading blank.
    pub fn print(&self, out: &mut Printer<'_>) {
        let sign = |inverted: bool| if inverted { " !" } else { "" };
        if let Some(part) = &self.source {
            out.fmt(format_args!("{} -s {}", sign(part.inverted), part.value));
        }
        if let Some(part) = &self.destination {
            out.fmt(format_args!("{} -d {}", sign(part.inverted), part.value));
        }
        for (letter, part) in [('i', &self.in_interface), ('o', &self.out_interface)] {
            if let Some(part) = part {
                out.fmt(format_args!("{} -{letter} ", sign(part.inverted)));
                out.name(part.value.as_bytes());
            }
        }
        if let Some(part) = &self.protocol {
            match protocols::in_rule(part.value, out) {
                Some(name) => out.fmt(format_args!("{} -p {name}", sign(part.inverted))),
                None => out.fmt(format_args!("{} -p {}", sign(part.inverted), part.value)),
            }
        }
        if let Some(inverted) = self.fragment {
            out.fmt(format_args!("{} -f", sign(inverted)));
        }
    }

    /// Appends the expressions.
    pub fn lower(&self, out: &mut Lowering) {
        for (key, part) in [(meta::IIFNAME, &self.in_interface), (meta::OIFNAME, &self.out_interface)] {
            if let Some(part) = part {
                lower_interface(out, key, part);
            }
        }
        if let Some(part) = &self.protocol {
            out.meta(meta::L4PROTO);
            out.equals(part.inverted, &[part.value]);
        }
        let (source, destination) = address_offsets(out.family);
        for (offset, part) in [(source, &self.source), (destination, &self.destination)] {
            if let Some(part) = part {
                lower_address(out, offset, part);
            }
        }
        if let Some(inverted) = self.fragment {
            out.payload(Base::Network, 6, 2);
            out.mask(&[0x1f, 0xff]);
            out.equals(!inverted, &[0, 0]);
        }
    }

    /// Takes the tests of the always-loaded matches out of `items`, up to the first item that has an effect.
    ///
    /// What is tested a second time stays, so that nothing is lost.
    #[must_use]
    pub fn lift(items: &mut Vec<Raised>, family: Family) -> Self {
        let mut found = Self::default();
        let mut open = true;
        items.retain(|raised| {
            open = open && is_pure(&raised.item);
            !(open && found.claim(&raised.item, family))
        });
        found
    }

    fn claim(&mut self, item: &Item, family: Family) -> bool {
        if let Item::Load(value) = item {
            // 1.8.9 writes `-i +` as a load that nothing compares.
            let slot = match value.field {
                Field::Meta(meta::IIFNAME) => &mut self.in_interface,
                Field::Meta(meta::OIFNAME) => &mut self.out_interface,
                _ => return false,
            };
            return value.ops.is_empty() && put(slot, Interface::parse(b"+").ok(), false);
        }
        let Item::Test { value, relation: Relation::Cmp(op, data) } = item else { return false };
        let inverted = match op {
            CmpOp::Eq => false,
            CmpOp::Neq => true,
            _ => return false,
        };
        let mask = match value.ops.as_slice() {
            [] => None,
            [Op::MaskXor { mask, xor }] if xor.iter().all(|&b| b == 0) => Some(mask.as_slice()),
            _ => return false,
        };
        match &value.field {
            Field::Meta(meta::L4PROTO) if mask.is_none() => match data.as_slice() {
                [number] if *number != 0 => put(&mut self.protocol, Some(*number), inverted),
                _ => false,
            },
            Field::Meta(key @ (meta::IIFNAME | meta::OIFNAME)) if mask.is_none() => {
                let slot =
                    if *key == meta::IIFNAME { &mut self.in_interface } else { &mut self.out_interface };
                if !inverted && data.as_slice() == NO_INTERFACE {
                    return put(slot, Interface::parse(b"+").ok(), true);
                }
                put(slot, Interface::from_match_bytes(data), inverted)
            }
            Field::Payload { base: Base::Network, offset, len } => {
                self.claim_network(*offset, *len, mask, data, inverted, family)
            }
            _ => false,
        }
    }

    fn claim_network(
        &mut self,
        offset: u32,
        len: u32,
        mask: Option<&[u8]>,
        data: &[u8],
        inverted: bool,
        family: Family,
    ) -> bool {
        let (source, destination) = address_offsets(family);
        if offset == source {
            return put(&mut self.source, address(len, mask, data, family), inverted);
        }
        if offset == destination {
            return put(&mut self.destination, address(len, mask, data, family), inverted);
        }
        match (family, offset, len) {
            (Family::Ipv4, 6, 2) if mask == Some(&[0x1f, 0xff][..]) && data == [0, 0] => {
                let free = self.fragment.is_none();
                self.fragment = self.fragment.or(Some(!inverted));
                free
            }
            (Family::Ipv4, 9, 1) if mask.is_none() && data.len() == 1 && data[0] != 0 => {
                put(&mut self.protocol, Some(data[0]), inverted)
            }
            _ => false,
        }
    }
}

/// Whether an item only asks; see [`crate::context::Effect::Pure`].
#[must_use]
pub fn is_pure(item: &Item) -> bool {
    let pure = |value: &Value| {
        !matches!(value.field, Field::Numgen { .. } | Field::Meta(meta::PRANDOM))
            && value.ops.iter().all(|op| !matches!(op, Op::And(_) | Op::Or(_) | Op::Xor(_)))
    };
    match item {
        Item::Test { value, .. } => pure(value),
        Item::In { values, .. } => values.iter().all(pure),
        Item::Load(_) => true,
        _ => false,
    }
}

fn put<T>(slot: &mut Option<Inv<T>>, value: Option<T>, inverted: bool) -> bool {
    match value {
        Some(value) if slot.is_none() => {
            *slot = Some(Inv { inverted, value });
            true
        }
        _ => false,
    }
}

fn address_offsets(family: Family) -> (u32, u32) {
    match family {
        Family::Ipv4 => (12, 16),
        Family::Ipv6 => (8, 24),
    }
}

/// An address from a load of its first `len` bytes and an optional mask.
fn address(len: u32, mask: Option<&[u8]>, data: &[u8], family: Family) -> Option<AddrMask> {
    let full = family.address_len();
    let len = usize::try_from(len).ok().filter(|&l| l >= 1 && l <= full && l == data.len())?;
    if mask.is_some_and(|m| m.len() != len) {
        return None;
    }
    let mut addr_bytes = [0; 16];
    let mut mask_bytes = [0; 16];
    addr_bytes[..len].copy_from_slice(data);
    match mask {
        Some(mask) => mask_bytes[..len].copy_from_slice(mask),
        None => mask_bytes[..len].fill(0xff),
    }
    let addr = from_octets(&addr_bytes[..full])?;
    let value = AddrMask::new(addr, from_octets(&mask_bytes[..full])?)?;
    // A compare with bits outside the mask can never hold; no option says that.
    (octets(value.addr()) == octets(addr)).then_some(value)
}

fn lower_interface(out: &mut Lowering, key: u32, part: &Inv<Interface>) {
    out.meta(key);
    let bytes = part.value.match_bytes();
    match (bytes.is_empty(), part.inverted) {
        (true, false) => {}
        (true, true) => out.equals(false, NO_INTERFACE),
        (false, inverted) => out.equals(inverted, &bytes),
    }
}

fn lower_address(out: &mut Lowering, offset: u32, part: &Inv<AddrMask>) {
    let addr = part.value.addr_bytes();
    let mask = part.value.mask_bytes();
    let len = addr.len();
    if part.value.is_any() {
        // `! -s 0/0` matches nothing; iptables-nft sends a load of no bytes, which the kernel refuses.
        out.payload(Base::Network, offset, u32::try_from(len).unwrap_or(0));
        out.mask(&[0; 16][..len]);
        out.equals(true, &[0; 16][..len]);
        return;
    }
    let whole = mask.iter().take_while(|&&b| b == 0xff).count();
    if mask[whole..].iter().all(|&b| b == 0) {
        out.payload(Base::Network, offset, u32::try_from(whole).unwrap_or(0));
        out.equals(part.inverted, &addr[..whole]);
    } else {
        let all = u32::try_from(len).unwrap_or(0);
        out.push(Expr::Payload { dreg: REG_1, base: Base::Network, offset, len: all });
        out.mask(&mask);
        out.equals(part.inverted, &addr);
    }
}

fn interface(part: Option<&Negatable<Word<'_>>>) -> Parsed<Option<Inv<Interface>>> {
    let Some(part) = part else { return Ok(None) };
    let word = &part.value;
    let value = Interface::parse(&word.text).map_err(|error| {
        let classic = if word.text.is_empty() {
            "Empty interface is likely to be undesired".to_owned()
        } else {
            format!("interface name `{}' must be shorter than IFNAMSIZ (15)", word.lossy())
        };
        let bad = uses::bad_value(word, &error, classic);
        if word.text.is_empty() {
            return bad;
        }
        bad.map_later(format!("interface name `{}' must be shorter than 16 characters", word.lossy()))
    })?;
    Ok(Some(Inv { inverted: part.inverted, value }))
}

/// Addresses to test, `None` standing for every address; nearly always one.
type Addresses = SmallVec<[Option<Inv<AddrMask>>; 1]>;

/// The addresses of a `-s` or `-d`; at least one element.
fn addresses(part: Option<&Negatable<Word<'_>>>, cx: &ParseCx<'_>) -> Parsed<Addresses> {
    let Some(part) = part else { return Ok(smallvec![None]) };
    let word = &part.value;
    let v6 = cx.family == Family::Ipv6;
    let test = |value: AddrMask| {
        (!value.is_any() || part.inverted).then_some(Inv { inverted: part.inverted, value })
    };
    let single = if v6 { AddrMask::parse_v6(&word.text) } else { AddrMask::parse_v4(&word.text) };
    if let Ok(value) = single {
        return Ok(smallvec![test(value)]);
    }
    let list = HostOrAddr::parse_list(&word.text, v6).map_err(|error| {
        let shown = String::from_utf8_lossy(
            &word.text[error.start.min(word.text.len())..error.end.min(word.text.len())],
        );
        let classic = format!("invalid mask `{shown}' specified");
        uses::bad_value(word, &error, classic)
    })?;
    let mut found = Vec::with_capacity(list.len());
    for (range, entry) in list {
        match &entry {
            HostOrAddr::Addr(addr) => found.push(*addr),
            HostOrAddr::Name { name, mask, .. } => {
                let before = found.len();
                if entry.could_resolve() {
                    for addr in cx.names.host(name, cx.family) {
                        found.extend(AddrMask::new(addr, mask.unwrap_or_else(|| full_mask(addr))));
                    }
                }
                if found.len() == before {
                    return Err(no_host(word, name, range, v6));
                }
            }
        }
    }
    if part.inverted && found.len() > 1 {
        return Err(Box::new(
            Diagnostic::error(
                codes::OPTION_NOT_INVERTIBLE,
                part.span,
                "`!` with several addresses would match everything",
            )
            .help("jump to a chain that returns for each of them, or use an ipset")
            .parameter("! not allowed with multiple source or destination IP addresses"),
        ));
    }
    // Host names often have one address twice.
    let mut unique: Vec<AddrMask> = Vec::with_capacity(found.len());
    for addr in found {
        if !unique.contains(&addr) || word.text.contains(&b',') {
            unique.push(addr);
        }
    }
    Ok(unique.into_iter().map(test).collect())
}

fn no_host(word: &Word<'_>, name: &[u8], range: std::ops::Range<usize>, v6: bool) -> Box<Diagnostic> {
    let shown = String::from_utf8_lossy(name);
    let other: Option<IpAddr> = std::str::from_utf8(name).ok().and_then(|n| n.parse().ok());
    let help = match other {
        Some(IpAddr::V6(_)) if !v6 => "this is an IPv6 address: use the ip6tables command".to_owned(),
        Some(IpAddr::V4(_)) if v6 => "this is an IPv4 address: use the iptables command".to_owned(),
        _ if name.is_empty() => "is there a comma too many?".to_owned(),
        _ if name.iter().all(|b| b.is_ascii_digit() || *b == b'.') => {
            "an IPv4 address has four numbers from 0 to 255".to_owned()
        }
        _ => "an address, a network, or a name that resolves now".to_owned(),
    };
    Box::new(
        Diagnostic::error(
            codes::BAD_VALUE,
            word.part(range.start, range.end),
            format!("`{shown}` is no host or network"),
        )
        .help(help)
        .classic(Classic::Parameter(format!("host/network `{shown}' not found"))),
    )
}
