//! Address translation as checks see it: which rules translate, what, and what the filter sees of it afterwards.

use std::net::{Ipv4Addr, Ipv6Addr};

use rfw_diagnostics::Span;
use rfw_nft::Family;
use rfw_nft::predicate::{Field, Item};

use crate::checks::Cx;
use crate::conditions::{Key, NEW};
use crate::model::{Placed, RuleId};
use crate::space::{Hook, Incomplete, Kind, Region, Set, translation};
use crate::world::{Decider, size};

/// From so many ports on a translation is about no service in particular.
const MANY_PORTS: u128 = 16_384;
/// `RTN_LOCAL` of rtnetlink.h: an address of this host.
const LOCAL: u32 = 2;
/// `NFTA_FIB_F_DADDR` of nf_tables.h: a route to the destination.
const FIB_DESTINATION: u32 = 2;

/// A rule that translates, and what comes to it.
#[derive(Clone)]
pub(crate) struct Translating<'a> {
    pub(crate) id: RuleId,
    pub(crate) placed: &'a Placed,
    /// The new addresses; `None` where the rule does not say.
    pub(crate) addresses: Option<Set>,
    /// The new ports, if they change.
    pub(crate) ports: Option<Set>,
    /// To an address of this host.
    pub(crate) redirects: bool,
    /// What it translates, as it is at the hook, `lo` aside: never empty.
    pub(crate) packets: Region,
}

/// A forwarded port whose packets the filter drops for sure.
pub(crate) struct Lost<'a> {
    pub(crate) rule: Translating<'a>,
    /// The packets as the filter gets them.
    pub(crate) image: Region,
    /// A rule that accepts them as they were before.
    pub(crate) meant: Option<Meant>,
}

/// A rule that asks for what packets carried before they were translated.
#[derive(Clone)]
pub(crate) struct Meant {
    pub(crate) rule: RuleId,
    /// Whether it is the port that it asks for; else the address.
    pub(crate) port: bool,
}

impl<'a> Cx<'a> {
    /// The rules that translate the destination of what arrives, in the order of the text.
    ///
    /// # Errors
    /// The budget is used up.
    pub(crate) fn forwarded_ports(&self) -> Result<Vec<Translating<'a>>, Incomplete> {
        self.translating(Hook::Prerouting, true)
    }

    /// The rules that translate the source of what leaves.
    ///
    /// # Errors
    /// The budget is used up.
    pub(crate) fn masquerades(&self) -> Result<Vec<Translating<'a>>, Incomplete> {
        self.translating(Hook::Postrouting, false)
    }

    fn translating(&self, hook: Hook, destination: bool) -> Result<Vec<Translating<'a>>, Incomplete> {
        let mut found = Vec::new();
        if self.model.table("nat").is_none() {
            return Ok(found);
        }
        let Some(base) = self.space().base(Kind::Nat, hook) else { return Ok(found) };
        let below = self.below(base);
        let rules = self.model.rules().filter(|(id, _)| id.table == base.table && below.contains(&id.chain));
        for (id, placed) in rules {
            let items = placed.conditions.effects();
            let Some(to) = items.iter().find_map(translation).filter(|t| t.destination == destination) else {
                continue;
            };
            let space = self.space();
            // What the host sends to itself was translated in OUTPUT, if at all.
            let lo = space.or(space.incoming("lo"), space.outgoing("lo"));
            let here = space.minus(space.at(Kind::Nat, hook), lo);
            let packets = space.all_of(&[space.judged(id), here, space.state(&[NEW])]);
            if space.is_empty(packets)? {
                continue;
            }
            let redirects = items.iter().any(|item| matches!(item, Item::Redir { .. }));
            let (addresses, ports) = (to.addresses, to.ports);
            found.push(Translating { id, placed, addresses, ports, redirects, packets });
        }
        Ok(found)
    }

    /// The first packets of connections as a filter's chain gets them once a rule has translated them. What other tables may
    /// have written since, and what depends on the destination, is open.
    pub(crate) fn translated(&self, rule: &Translating<'_>, hook: Hook) -> Region {
        let space = self.space();
        let image = space.moved(space.image(rule.id, rule.packets), hook);
        let open = space.for_some_answers(space.forget(image, &self.unstable()));
        space.all_of(&[open, space.at(Kind::Filter, hook), space.state(&[NEW])])
    }

    /// Fields that may be others at another hook.
    fn unstable(&self) -> Vec<Key> {
        let mut keys = vec![Key::Mark, Key::ConnectionMark];
        for key in self.nat_keys() {
            if matches!(key, Key::Other(_)) && !keys.contains(key) {
                keys.push(key.clone());
            }
        }
        keys
    }

    /// The fields that rules of `nat` ask for.
    fn nat_keys(&self) -> impl Iterator<Item = &'a Key> {
        let tables = self.model.tables.iter().filter(|t| t.name == "nat");
        let asked = tables.flat_map(|t| &t.chains).flat_map(|c| &c.rules).map(|r| &r.conditions);
        asked.flat_map(|c| c.sets().map(|(key, _)| key).chain(c.masked().iter().map(|m| &m.key)))
    }

    /// Whether the text is about FORWARD or about policies: what it does not set at all, something else may.
    pub(crate) fn is_whole(&self) -> bool {
        let Some((_, filter)) = self.model.table("filter") else { return false };
        let mut base = filter.chains.iter().filter(|chain| chain.policy.is_some());
        base.any(|chain| chain.span.is_some() || chain.name == b"FORWARD" && !chain.rules.is_empty())
    }

    /// Packets for this host: those of a region at PREROUTING whose destination is local where rules ask that of the routes.
    pub(crate) fn if_local(&self, region: Region) -> Region {
        let space = self.space();
        let mut keys: Vec<&Key> = self.nat_keys().filter(|key| is_destination_type(key)).collect();
        keys.dedup();
        let local = u128::from(u32::from_be_bytes(LOCAL.to_ne_bytes()));
        keys.into_iter().fold(region, |region, key| {
            let here = space.and(region, space.one(key, local));
            space.forget(here, std::slice::from_ref(key))
        })
    }

    /// Translations to private addresses whose packets FORWARD drops, all of them and for sure.
    ///
    /// # Errors
    /// The budget is used up.
    pub(crate) fn lost_forwards(&self) -> Result<Vec<Lost<'a>>, Incomplete> {
        let (space, private) = (self.space(), private(self.model.family));
        let mut lost = Vec::new();
        let Some((forward, _)) = self.filter(Hook::Forward) else { return Ok(lost) };
        for rule in self.forwarded_ports()? {
            if !rule.addresses.as_ref().is_some_and(|to| to.is_within(&private)) {
                continue;
            }
            let image = self.translated(&rule, Hook::Forward);
            if !space.may_accept(forward, image)? {
                let meant = self.meant(&rule, image, Hook::Forward)?;
                lost.push(Lost { rule, image, meant });
            }
        }
        Ok(lost)
    }

    /// The rule of a filter's chain that would accept what is dropped, had it the port or the address from before.
    ///
    /// # Errors
    /// The budget is used up.
    pub(crate) fn meant(
        &self,
        rule: &Translating<'_>,
        image: Region,
        hook: Hook,
    ) -> Result<Option<Meant>, Incomplete> {
        let (space, Some((chain, _))) = (self.space(), self.filter(hook)) else { return Ok(None) };
        let before = |key: &Key, after: Option<&Set>, most: u128| -> Result<Option<Set>, Incomplete> {
            let set = space.values(rule.packets, key)?;
            Ok((size(&set) < most && after.is_some_and(|after| !after.meets(&set))).then_some(set))
        };
        let ports = before(&Key::DestinationPort, rule.ports.as_ref(), MANY_PORTS)?;
        let hosts = Key::Destination.limit(self.model.family) / 256;
        let addresses = before(&Key::Destination, rule.addresses.as_ref(), hosts)?;
        let with = |packets: Region, key: Key, set: &Set| {
            let other = space.forget(packets, std::slice::from_ref(&key));
            space.and(other, space.set(&key, set))
        };
        let mut tries = Vec::new();
        if let Some(ports) = &ports {
            tries.push((with(image, Key::DestinationPort, ports), true));
        }
        if let Some(addresses) = &addresses {
            let there = with(image, Key::Destination, addresses);
            let ports = ports.map_or(there, |ports| with(there, Key::DestinationPort, &ports));
            tries.push((space.or(there, ports), false));
        }
        for (packets, port) in tries {
            if space.may_accept(chain, packets)?
                && let Some(Decider::Rule(rule)) = self.accepter(chain, packets)?
            {
                return Ok(Some(Meant { rule, port }));
            }
        }
        Ok(None)
    }

    /// Where the rule that asks for the port from before has it in its text, and the port that it is translated to.
    ///
    /// # Errors
    /// The budget is used up.
    pub(crate) fn port_to_rewrite(
        &self,
        rule: &Translating<'_>,
        meant: &Meant,
    ) -> Result<Option<(Span, String)>, Incomplete> {
        let old = self.space().values(rule.packets, &Key::DestinationPort)?.single().filter(|_| meant.port);
        let new = rule.ports.as_ref().and_then(Set::single);
        let (Some(placed), Some(old), Some(new)) = (self.model.rule(meant.rule), old, new) else {
            return Ok(None);
        };
        let asked = placed.conditions.set(&Key::DestinationPort).and_then(Set::single);
        let start = placed.span.start as usize;
        let text = self.source.text.get(start..placed.span.end as usize).unwrap_or_default();
        let word = format!(" --dport {old}");
        let at = text.windows(word.len()).position(|part| part == word.as_bytes());
        let Some(end) = at.map(|at| at + word.len()).filter(|_| asked == Some(old)) else { return Ok(None) };
        let whole = text.get(end).is_none_or(|next| next.is_ascii_whitespace());
        let from = start + end - old.to_string().len();
        Ok(whole.then(|| (Span::new(from, start + end), new.to_string())))
    }

    /// The first of some more usual kinds of packets that there are in a region, else the region.
    ///
    /// # Errors
    /// The budget is used up.
    pub(crate) fn preferred(&self, packets: Region, usual: &[Region]) -> Result<Region, Incomplete> {
        let space = self.space();
        for &kind in usual {
            let both = space.and(packets, kind);
            if !space.is_empty(both)? {
                return Ok(both);
            }
        }
        Ok(packets)
    }

    /// How people write the service that packets are for: `tcp/8080`, `port 8080`; `None` for more than one.
    ///
    /// # Errors
    /// The budget is used up.
    pub(crate) fn service(&self, packets: Region) -> Result<Option<String>, Incomplete> {
        let space = self.space();
        let Some(port) = space.values(packets, &Key::DestinationPort)?.single() else { return Ok(None) };
        Ok(Some(match space.values(packets, &Key::Protocol)?.single() {
            Some(6) => format!("tcp/{port}"),
            Some(17) => format!("udp/{port}"),
            _ => format!("port {port}"),
        }))
    }
}

/// Whether a field is the type of the route to the destination.
fn is_destination_type(key: &Key) -> bool {
    let Key::Other(field) = key else { return false };
    matches!(field.value().field, Field::Fib { flags, .. } if flags & FIB_DESTINATION != 0)
}

/// Networks that nobody but their owner routes (RFC 1918, RFC 4193).
pub(crate) fn private(family: Family) -> Set {
    match family {
        Family::Ipv4 => {
            Set::union([(0x0a00_0000, 0x0aff_ffff), (0xac10_0000, 0xac1f_ffff), (0xc0a8_0000, 0xc0a8_ffff)])
        }
        Family::Ipv6 => Set::range(0xfc << 120, (0xfe << 120) - 1),
    }
}

/// The first address of a set.
pub(crate) fn address(addresses: &Set, family: Family) -> String {
    let first = addresses.intervals().first().map_or(0, |i| i.0);
    match family {
        Family::Ipv4 => Ipv4Addr::from_bits(u32::try_from(first).unwrap_or(0)).to_string(),
        Family::Ipv6 => Ipv6Addr::from_bits(first).to_string(),
    }
}

/// An address and, if there is just one, its port.
pub(crate) fn target(addresses: &Set, ports: Option<&Set>, family: Family) -> String {
    let address = address(addresses, family);
    match (ports.and_then(Set::single), family) {
        (Some(port), Family::Ipv4) => format!("{address}:{port}"),
        (Some(port), Family::Ipv6) => format!("[{address}]:{port}"),
        (None, _) => address,
    }
}

/// A network as people write it, if the set is one: `192.168.1.0/24`; all addresses are none.
pub(crate) fn network(addresses: &Set, family: Family) -> Option<String> {
    let [(low, high)] = addresses.intervals() else { return None };
    let bits = Key::Source.limit(family).count_ones();
    let free = (low ^ high).count_ones();
    let is_prefix = (low ^ high).checked_add(1).is_some_and(u128::is_power_of_two) && low & (low ^ high) == 0;
    let shown = address(addresses, family);
    match free {
        0 => Some(shown),
        _ if is_prefix && free < bits => Some(format!("{shown}/{}", bits - free)),
        _ => None,
    }
}

/// The interface of a set with one name; bytes behind the end of a name are free.
pub(crate) fn interface_name(names: &Set) -> Option<String> {
    let [(low, high)] = names.intervals() else { return None };
    let fixed = (low ^ high).leading_zeros() as usize / 8;
    let bytes = low.to_be_bytes();
    let end = bytes.iter().position(|&b| b == 0).filter(|&end| end > 0 && (end < fixed || low == high))?;
    String::from_utf8(bytes[..end].to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_sets() {
        let name = |text: &str| {
            let mut bytes = [0; 16];
            bytes[..text.len()].copy_from_slice(text.as_bytes());
            u128::from_be_bytes(bytes)
        };
        let eth0 = name("eth0");
        assert_eq!(interface_name(&Set::one(eth0)).as_deref(), Some("eth0"));
        assert_eq!(interface_name(&Set::range(eth0, eth0 | ((1 << 88) - 1))).as_deref(), Some("eth0"));
        assert_eq!(interface_name(&Set::range(eth0, eth0 | ((1 << 96) - 1))), None);
        assert_eq!(interface_name(&Set::one(0)), None);
        assert_eq!(interface_name(&Set::one(eth0).complement(u128::MAX)), None);
    }

    #[test]
    fn networks_of_sets() {
        let shown = |low, high| network(&Set::range(low, high), Family::Ipv4);
        assert_eq!(shown(0xc0a8_0100, 0xc0a8_01ff).as_deref(), Some("192.168.1.0/24"));
        assert_eq!(shown(0xc0a8_0101, 0xc0a8_0101).as_deref(), Some("192.168.1.1"));
        assert_eq!(shown(0xc0a8_0101, 0xc0a8_0102), None);
        assert_eq!(shown(0, 0xffff_ffff), None);
        assert_eq!(network(&Set::range(0, u128::MAX), Family::Ipv6), None);
    }
}
