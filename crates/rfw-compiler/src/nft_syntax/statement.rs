//! Statements: verdicts, `log`, `limit`, `snat`, `meta mark set`.

use rfw_nft::expr::{Base, Verdict, ct, meta, nat};
use rfw_nft::predicate::{Field, Item, Op, Place, Value};
use rfw_nft::{Expr, Family};

use super::field::{self, direction, expression, mask_constant};
use super::number::{address, integer};
use super::test::traffic_class;
use super::words::{chain_name, quotable};
use super::{Untranslatable, Writer, Written, family_word};

/// `NF_LOG_*`.
const LOG_FLAGS: &[(u32, &str)] = &[
    (0x01, "flags tcp sequence"),
    (0x02, "flags tcp options"),
    (0x04, "flags ip options"),
    (0x08, "flags skuid"),
    (0x20, "flags ether"),
];
/// `enum nft_log_level`.
pub(crate) const LOG_LEVELS: [&str; 9] =
    ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug", "audit"];
/// nft's buffer for a prefix, NUL included; a longer one breaks nft.
const LOG_PREFIX_MAX: usize = 128;
/// TCP options that nft can name.
pub(crate) const TCP_OPTIONS: &[(u8, &str)] =
    &[(2, "maxseg"), (3, "window"), (4, "sack-perm"), (5, "sack"), (8, "timestamp")];
/// Flags of nat that nft writes as words.
pub(crate) const NAT_FLAGS: &[(u32, &str)] = &[
    (nat::PROTO_RANDOM, "random"),
    (nat::PROTO_RANDOM_FULLY, "fully-random"),
    (nat::PERSISTENT, "persistent"),
];

impl Writer {
    pub(super) fn plain(&mut self, expr: &Expr) -> Written<()> {
        let words = match expr {
            Expr::Verdict(verdict) => verdict_words(verdict)?,
            Expr::Counter { packets: 0, bytes: 0 } => "counter".to_owned(),
            Expr::Counter { packets, bytes } => format!("counter packets {packets} bytes {bytes}"),
            Expr::Limit { rate, unit, burst, kind, flags } => limit(*rate, *unit, *burst, *kind, *flags)?,
            Expr::Log { group, prefix, snaplen, qthreshold, level, flags } => {
                let mut words = vec!["log".to_owned()];
                words.extend(prefix.as_deref().map(log_prefix).transpose()?);
                words.extend(group.map(|number| format!("group {number}")));
                words.extend(snaplen.map(|bytes| format!("snaplen {bytes}")));
                words.extend(qthreshold.map(|packets| format!("queue-threshold {packets}")));
                words.extend(level.map(log_level).transpose()?);
                words.extend(log_flags(flags.unwrap_or(0))?);
                words.join(" ")
            }
            Expr::Reject { kind, code } => reject(*kind, code.unwrap_or(0), self.family)?,
            Expr::Connlimit { count, flags } => {
                format!("ct count {}{count}", if flags & 1 == 0 { "" } else { "over " })
            }
            Expr::Quota { bytes, flags, consumed } => {
                let over = if flags & 1 == 0 { "" } else { "over " };
                let used = if *consumed == 0 { String::new() } else { format!(" used {consumed} bytes") };
                format!("quota {over}{bytes} bytes{used}")
            }
            Expr::TcpOptReset { kind } => format!("reset tcp option {}", tcp_option(*kind)),
            Expr::Notrack => "notrack".to_owned(),
            Expr::Match { name, .. } => return Err(Untranslatable::xt("-m", name)),
            Expr::Target { name, .. } => return Err(Untranslatable::xt("-j", name)),
            other => {
                return Err(Untranslatable::new(format!(
                    "{} has no nft form",
                    crate::foreign::one_line(std::slice::from_ref(other))
                )));
            }
        };
        self.push(words);
        Ok(())
    }

    /// `meta mark set …`, `ct zone set …`, `tcp option maxseg size set …`.
    pub(super) fn assign(&mut self, place: &Place, value: &Value) -> Written<()> {
        let target = match place {
            Place::Meta(key @ (meta::MARK | meta::PRIORITY | meta::NFTRACE | meta::PKTTYPE)) => {
                field::name(&Field::Meta(*key), self.family, self.protocol)?
            }
            Place::Ct { key: key @ (ct::MARK | ct::ZONE), dir } => {
                let mut name = field::name(&Field::Ct { key: *key, dir: None }, self.family, self.protocol)?;
                if *key == ct::ZONE {
                    name.text = format!("ct {}zone", direction(*dir));
                }
                name
            }
            Place::Exthdr { kind, offset, len, op } => {
                let source = Field::Exthdr { kind: *kind, offset: *offset, len: *len, op: *op, flags: 0 };
                field::name(&source, self.family, self.protocol)?
            }
            _ => return Err(Untranslatable::new("what this rule writes has no nft form")),
        };
        let words = match value.constant() {
            // The kernel reads as many bytes as the key has.
            Some(bytes) => target.constant(bytes.get(..target.len as usize).unwrap_or(bytes))?,
            None => {
                let source = field::name(&value.field, self.family, self.protocol)?;
                expression(value, source)?.0
            }
        };
        self.push(format!("{} set {words}", target.text));
        Ok(())
    }

    /// Writes to packet headers.
    pub(super) fn payload_write(&mut self, item: &Item) -> Written<()> {
        let Item::Set {
            place: Place::Payload { base, offset, len, csum_type, csum_offset, csum_flags },
            value,
        } = item
        else {
            return Ok(());
        };
        let place = Field::Payload { base: *base, offset: *offset, len: *len };
        let ipv4 = self.family == Family::Ipv4 && *base == Base::Network;
        let sums = (*csum_type, *csum_offset, *csum_flags);
        let known = match (ipv4, sums) {
            (true, (1, 10, 0)) | (false, (0, 0, 0)) => header_field(*base, *offset, *len, self.family, value),
            _ => None,
        };
        if let Some(words) = known {
            self.push(words);
            return Ok(());
        }
        if sums != (0, 0, 0) || !(value.field == place || value.constant().is_some()) {
            return Err(Untranslatable::new("what this rule writes into the packet has no nft form"));
        }
        let name = field::raw(*base, *offset, *len);
        let words = match value.constant() {
            Some(bytes) => mask_constant(&name, bytes)?,
            None => expression(value, name.clone())?.0,
        };
        self.push(format!("{} set {words}", name.text));
        Ok(())
    }

    pub(super) fn nat(&mut self, item: &Item) -> Written<()> {
        let (word, addresses, ports, flags) = match item {
            Item::Nat { kind, family, addr_min, addr_max, proto_min, proto_max, flags } => {
                let ours = if self.family == Family::Ipv4 { 2 } else { 10 };
                if *family != ours {
                    return Err(Untranslatable::new("nat of another family has no nft form here"));
                }
                let word = if *kind == 0 { "snat" } else { "dnat" };
                (word, (addr_min, addr_max), (proto_min, proto_max), flags.unwrap_or(0))
            }
            Item::Masq { proto_min, proto_max, flags } => {
                ("masquerade", (&None, &None), (proto_min, proto_max), flags.unwrap_or(0))
            }
            Item::Redir { proto_min, proto_max, flags } => {
                ("redirect", (&None, &None), (proto_min, proto_max), flags.unwrap_or(0))
            }
            _ => return Ok(()),
        };
        let addresses = ends(addresses.0.as_ref(), addresses.1.as_ref())?;
        let ports = ends(ports.0.as_ref(), ports.1.as_ref())?;
        let mut to = match addresses {
            Some((first, last)) => nat_addresses(first, last, ports.is_some())?,
            None => String::new(),
        };
        if let Some((first, last)) = ports {
            if self.protocol.is_none() {
                return Err(Untranslatable::new(format!(
                    "{word} to ports without a protocol has no nft form"
                )));
            }
            let number = |bytes| integer(bytes, true).ok_or_else(|| odd("port"));
            let (first, last) = (number(first)?, number(last)?);
            to.push_str(&match first.cmp(&last) {
                std::cmp::Ordering::Equal => format!(":{first}"),
                std::cmp::Ordering::Less => format!(":{first}-{last}"),
                std::cmp::Ordering::Greater => return Err(reversed(word)),
            });
        }
        let mut words = word.to_owned();
        if !to.is_empty() {
            words = format!("{words} to {to}");
        }
        self.push(words + &nat_flags(flags)?);
        Ok(())
    }

    pub(super) fn dup(&mut self, addr: &Value, dev: Option<&Value>) -> Written<()> {
        if dev.is_some() {
            return Err(Untranslatable::new("the number of an interface has no nft form"));
        }
        let to = addr.constant().and_then(address).ok_or_else(|| odd("address"))?;
        self.push(format!("dup to {to}"));
        Ok(())
    }
}

fn odd(what: &str) -> Untranslatable {
    Untranslatable::new(format!("a computed {what} has no nft form here"))
}

fn reversed(word: &str) -> Untranslatable {
    Untranslatable::new(format!("{word} to a range that ends before it begins has no nft form"))
}

/// Both ends of a range of constants; the second is the first where it is absent.
fn ends<'v>(first: Option<&'v Value>, last: Option<&'v Value>) -> Written<Option<(&'v [u8], &'v [u8])>> {
    let Some(first) = first else { return Ok(None) };
    let constant = |value: &'v Value| value.constant().ok_or_else(|| odd("value"));
    let first = constant(first)?;
    Ok(Some((first, last.map_or(Ok(first), constant)?)))
}

fn nat_addresses(first: &[u8], last: &[u8], ports: bool) -> Written<String> {
    let shown = |bytes: &[u8]| {
        let text = address(bytes).ok_or_else(|| odd("address"))?;
        Ok(if ports && bytes.len() == 16 { format!("[{text}]") } else { text })
    };
    match first.cmp(last) {
        std::cmp::Ordering::Equal => shown(first),
        std::cmp::Ordering::Less => Ok(format!("{}-{}", shown(first)?, shown(last)?)),
        std::cmp::Ordering::Greater => Err(reversed("nat")),
    }
}

/// The words for flags, with a blank before them. That there are addresses and ports shows in the statement itself.
fn nat_flags(flags: u32) -> Written<String> {
    let known = NAT_FLAGS.iter().fold(nat::MAP_IPS | nat::PROTO_SPECIFIED, |sum, (bit, _)| sum | bit);
    if flags & !known != 0 {
        return Err(Untranslatable::new(format!("nat with flags {flags:#x} has no nft form")));
    }
    let words: Vec<&str> =
        NAT_FLAGS.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, word)| *word).collect();
    Ok(if words.is_empty() { String::new() } else { format!(" {}", words.join(",")) })
}

/// `ip dscp set 5`: fields of the header that nft changes as rfw does.
fn header_field(base: Base, offset: u32, len: u32, family: Family, value: &Value) -> Option<String> {
    if base != Base::Network {
        return None;
    }
    if let Some(bytes) = value.constant() {
        let [hops] = <[u8; 1]>::try_from(bytes).ok()?;
        return (family == Family::Ipv6 && offset == 7).then(|| format!("ip6 hoplimit set {hops}"));
    }
    let [Op::MaskXor { mask, xor }] = value.ops.as_slice() else { return None };
    if value.field != (Field::Payload { base, offset, len }) {
        return None;
    }
    if let (Family::Ipv4, 8, [0, 0xff], [ttl, 0]) = (family, offset, mask.as_slice(), xor.as_slice()) {
        return Some(format!("ip ttl set {ttl}"));
    }
    let changed: Vec<u8> = mask.iter().map(|byte| !byte).collect();
    let (name, shift) = traffic_class(family, offset, &changed)?;
    let (changed, number) = (integer(&changed, true)?, integer(xor, true)?);
    // nft writes the ECN bits of IPv6 through one byte.
    (number & !changed == 0 && name != "ip6 ecn").then(|| format!("{name} set {}", number >> shift))
}

fn verdict_words(verdict: &Verdict) -> Written<String> {
    Ok(match verdict {
        Verdict::Accept => "accept".to_owned(),
        Verdict::Drop => "drop".to_owned(),
        Verdict::Return => "return".to_owned(),
        Verdict::Continue => "continue".to_owned(),
        Verdict::Jump(chain) => format!("jump {}", chain_name(chain)?),
        Verdict::Goto(chain) => format!("goto {}", chain_name(chain)?),
    })
}

fn limit(rate: u64, unit: u64, burst: u32, kind: u32, flags: u32) -> Written<String> {
    let unit = match unit {
        1 => "second",
        60 => "minute",
        3_600 => "hour",
        86_400 => "day",
        604_800 => "week",
        _ => return Err(Untranslatable::new(format!("a rate in units of {unit} seconds has no nft form"))),
    };
    let over = if flags & 1 == 0 { "" } else { "over " };
    match (kind, burst) {
        (0, 0) => Err(Untranslatable::new("a limit with a burst of 0 has no nft form")),
        (0, _) => Ok(format!("limit rate {over}{rate}/{unit} burst {burst} packets")),
        (1, 0) => Ok(format!("limit rate {over}{rate} bytes/{unit}")),
        (1, _) => Ok(format!("limit rate {over}{rate} bytes/{unit} burst {burst} bytes")),
        _ => Err(Untranslatable::new("this kind of limit has no nft form")),
    }
}

fn log_prefix(prefix: &[u8]) -> Written<String> {
    // Of a prefix with its NUL, the kernel keeps what stands before.
    let prefix = prefix.strip_suffix(&[0]).unwrap_or(prefix);
    let text = quotable(prefix, "a log prefix")?;
    if text.contains('$') {
        return Err(Untranslatable::new(
            "a log prefix with a $ has no nft form: nft takes it for a variable",
        ));
    }
    if text.len() >= LOG_PREFIX_MAX {
        return Err(Untranslatable::new(format!("a log prefix of {} bytes has no nft form", text.len())));
    }
    Ok(format!("prefix \"{text}\""))
}

fn log_level(level: u32) -> Written<String> {
    match LOG_LEVELS.get(level as usize) {
        Some(word) => Ok(format!("level {word}")),
        None => Err(Untranslatable::new(format!("log level {level} has no nft form"))),
    }
}

fn log_flags(flags: u32) -> Written<Vec<String>> {
    if LOG_FLAGS.iter().fold(flags, |rest, (bit, _)| rest & !bit) != 0 {
        return Err(Untranslatable::new(format!("log flags {flags:#x} have no nft form")));
    }
    let words = LOG_FLAGS.iter().filter(|(bit, _)| flags & bit != 0);
    Ok(words.map(|(_, words)| (*words).to_owned()).collect())
}

fn reject(kind: u32, code: u8, family: Family) -> Written<String> {
    let names: &[&str] = match family {
        Family::Ipv4 => &["net-unreachable", "host-unreachable", "prot-unreachable", "port-unreachable"],
        Family::Ipv6 => &[
            "no-route",
            "admin-prohibited",
            "",
            "addr-unreachable",
            "port-unreachable",
            "policy-fail",
            "reject-route",
        ],
    };
    let icmp = if family == Family::Ipv4 { "icmp" } else { "icmpv6" };
    match (kind, family, code) {
        (1, ..) => Ok("reject with tcp reset".to_owned()),
        (0, Family::Ipv4, 3) | (0, Family::Ipv6, 4) => Ok("reject".to_owned()),
        (0, Family::Ipv4, 9) => Ok("reject with icmp net-prohibited".to_owned()),
        (0, Family::Ipv4, 10) => Ok("reject with icmp host-prohibited".to_owned()),
        (0, Family::Ipv4, 13) => Ok("reject with icmp admin-prohibited".to_owned()),
        (0, ..) => match names.get(usize::from(code)).filter(|name| !name.is_empty()) {
            Some(name) => Ok(format!("reject with {icmp} {name}")),
            None => Ok(format!("reject with {icmp} {code}")),
        },
        _ => Err(Untranslatable::new(format!("this reject has no nft form in {}", family_word(family)))),
    }
}

fn tcp_option(kind: u8) -> String {
    let name = TCP_OPTIONS.iter().find(|(number, _)| *number == kind).map(|(_, name)| (*name).to_owned());
    name.unwrap_or_else(|| kind.to_string())
}
