//! Questions that many checks put to the analysis: who is outside, which rule lets a packet in or keeps it out.

use std::collections::{BTreeMap, BTreeSet};

use rfw_diagnostics::Severity;
use rfw_nft::Family;

use crate::checks::Cx;
use crate::conditions::{Key, Outcome};
use crate::facts::{Service, Zone};
use crate::model::{Chain, Policy, RuleId};
use crate::packets;
use crate::space::{ChainId, Hook, Incomplete, Kind, Packet, Region, Set, Space, interface_names};

/// From so many ports on a rule is about no service in particular.
const MOST_PORTS: u128 = 16_384;

/// What decides over a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decider {
    /// A rule.
    Rule(RuleId),
    /// The policy of the base chain.
    Policy,
}

/// Addresses that nobody on the Internet has: this network, private, shared, loopback, link-local, multicast, reserved
/// (RFC 6890, RFC 5771; RFC 4193, RFC 4291).
pub(crate) fn not_public(family: Family) -> Set {
    match family {
        Family::Ipv4 => Set::union([
            (0x0000_0000, 0x00ff_ffff),
            (0x0a00_0000, 0x0aff_ffff),
            (0x6440_0000, 0x647f_ffff),
            (0x7f00_0000, 0x7fff_ffff),
            (0xa9fe_0000, 0xa9fe_ffff),
            (0xac10_0000, 0xac1f_ffff),
            (0xc0a8_0000, 0xc0a8_ffff),
            (0xe000_0000, 0xffff_ffff),
        ]),
        // Global unicast is 2000::/3 and nothing else.
        Family::Ipv6 => Set::range(0x2000u128 << 112, (0x4000u128 << 112) - 1).complement(u128::MAX),
    }
}

/// Multicast and broadcast addresses.
pub(crate) fn group_addresses(family: Family) -> Set {
    match family {
        Family::Ipv4 => Set::union([(0xe000_0000, 0xefff_ffff), (0xffff_ffff, 0xffff_ffff)]),
        Family::Ipv6 => Set::range(0xff00u128 << 112, u128::MAX),
    }
}

/// How many numbers a set has.
pub(crate) fn size(set: &Set) -> u128 {
    set.intervals().iter().map(|(low, high)| (high - low).saturating_add(1)).fold(0, u128::saturating_add)
}

/// The packets that begin a TCP connection.
pub(crate) fn opening(space: &Space) -> Region {
    let tcp = space.one(&Key::Protocol, 6);
    // SYN of FIN, SYN, RST and ACK (RFC 9293).
    space.and(tcp, space.bits(&Key::TcpFlags, 0x17, 0x02))
}

/// Services that one rule lets every stranger reach.
pub(crate) struct Exposed {
    /// With protocol and port, as messages name them.
    pub(crate) names: Vec<String>,
    /// One that gets in.
    pub(crate) packet: Packet,
    /// A rule for one interface may be about an inside that nobody named.
    pub(crate) severity: Severity,
}

/// How many public sources are the Internet and not a list of friends: a /8 of IPv4, a /32 of IPv6.
pub(crate) fn many(family: Family) -> u128 {
    match family {
        Family::Ipv4 => 1 << 24,
        Family::Ipv6 => 1 << 96,
    }
}

impl<'a> Cx<'a> {
    /// The services of a list that a base chain accepts from many of `strangers` and nobody declared public, by the rule that
    /// accepts them.
    ///
    /// # Errors
    /// The budget is used up.
    pub(crate) fn exposed(
        &self,
        base: ChainId,
        protocol: u8,
        services: &[(u16, &str)],
        strangers: Region,
    ) -> Result<BTreeMap<RuleId, Exposed>, Incomplete> {
        let space = self.space();
        let let_in = space.all_of(&[strangers, space.entry(base), space.accepted(base)]);
        let mut by_rule: BTreeMap<RuleId, Exposed> = BTreeMap::new();
        for &(port, name) in services {
            if self.facts.public_services.contains(&Service { protocol, port }) {
                continue;
            }
            let reached = space.and(let_in, space.service(protocol, &Set::one(port.into())));
            if size(&space.values(reached, &Key::Source)?) < many(self.model.family) {
                continue;
            }
            let (Some(id), Some(packet)) = (self.opener(base, reached)?, space.witness(reached)?) else {
                continue;
            };
            let narrow = self.model.rule(id).is_some_and(|rule| rule.conditions.set(&Key::Iif).is_some());
            let severity = if narrow { Severity::Info } else { Severity::Warn };
            let word = if protocol == 6 { "tcp" } else { "udp" };
            let exposed =
                by_rule.entry(id).or_insert_with(|| Exposed { names: Vec::new(), packet, severity });
            exposed.names.push(format!("{name} ({word}/{port})"));
        }
        Ok(by_rule)
    }

    /// The filter's base chain at a hook, as the analysis and as the model know it.
    pub(crate) fn filter(&self, hook: Hook) -> Option<(ChainId, &'a Chain)> {
        let chain = self.space().base(Kind::Filter, hook)?;
        Some((chain, self.model.tables.get(chain.table)?.chains.get(chain.chain)?))
    }

    /// Packets from interfaces that may lead to the world: not `lo`, nor what the configuration calls an inside.
    pub(crate) fn outside(&self) -> Region {
        let space = self.space();
        let inside = self.facts.interfaces.iter().filter(|(_, known)| {
            matches!(known.zone, Some(Zone::Lan | Zone::Vpn | Zone::Loopback | Zone::Other(_)))
        });
        let lo = space.incoming("lo");
        let known =
            inside.fold(lo, |all, (name, _)| space.or(all, space.set(&Key::Iif, &interface_names(name))));
        space.not(known)
    }

    /// The same with addresses that strangers have, and with source ports that clients have.
    pub(crate) fn strangers(&self) -> Region {
        let space = self.space();
        let public = space.minus(self.outside(), space.set(&Key::Source, &not_public(self.model.family)));
        let ports = self.model.table("filter").map(|(_, filter)| packets::client_ports(filter));
        let any_service = ports.map_or(space.all(), |ports| space.set(&Key::SourcePort, &ports));
        space.and(public, any_service)
    }

    /// The first rule that accepts some packet of a region at a base chain, if it is about services: one that accepts most
    /// ports trusts an interface or a network and says nothing of one port.
    ///
    /// # Errors
    /// The budget is used up.
    pub(crate) fn opener(&self, chain: ChainId, packets: Region) -> Result<Option<RuleId>, Incomplete> {
        let Some(Decider::Rule(id)) = self.accepter(chain, packets)? else { return Ok(None) };
        let ports = self.space().values(self.space().judged(id), &Key::DestinationPort)?;
        Ok((size(&ports) < MOST_PORTS).then_some(id))
    }

    /// Whether another program's chain decides what comes to a rule: it is in one, or behind the call of one.
    pub(crate) fn is_uncertain(&self, id: RuleId) -> bool {
        let Some(table) = self.model.tables.get(id.table) else { return true };
        let external = |at: usize| table.chains.get(at).is_some_and(Chain::is_external);
        let called =
            table.chains.get(id.chain).into_iter().flat_map(|chain| chain.rules.iter().take(id.rule));
        let mut called = called.filter_map(|rule| table.position(rule.mentions.as_deref()?));
        external(id.chain) || called.any(external)
    }

    /// The first rule of the filter that accepts some packet of a region, else the policy of a base chain that does.
    ///
    /// # Errors
    /// The budget is used up.
    pub(crate) fn accepter(&self, chain: ChainId, packets: Region) -> Result<Option<Decider>, Incomplete> {
        let judges = |outcome: &Outcome| matches!(outcome, Outcome::Accept | Outcome::Ends);
        self.decider(chain, packets, judges, Policy::Accept)
    }

    /// The first rule of the filter that drops some packet of a region, else the policy of a base chain that does.
    ///
    /// # Errors
    /// The budget is used up.
    pub(crate) fn dropper(&self, chain: ChainId, packets: Region) -> Result<Option<Decider>, Incomplete> {
        self.decider(chain, packets, |outcome| *outcome == Outcome::Drop, Policy::Drop)
    }

    /// A base chain and all that it leads to. What enters any other chain is not known: it may get a caller.
    pub(crate) fn below(&self, base: ChainId) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let Some(table) = self.model.tables.get(base.table) else { return found };
        let mut open = vec![base.chain];
        while let Some(at) = open.pop() {
            if found.insert(at) {
                let rules = table.chains.get(at).into_iter().flat_map(|chain| &chain.rules);
                open.extend(rules.filter_map(|rule| table.position(rule.mentions.as_deref()?)));
            }
        }
        found
    }

    fn decider(
        &self,
        base: ChainId,
        packets: Region,
        judges: impl Fn(&Outcome) -> bool,
        policy: Policy,
    ) -> Result<Option<Decider>, Incomplete> {
        let space = self.space();
        let here = space.and(packets, space.entry(base));
        let below = self.below(base);
        let rules = self.model.rules().filter(|(id, _)| id.table == base.table && below.contains(&id.chain));
        for (id, placed) in rules {
            if judges(&placed.conditions.outcome) && space.judges(id, here)? {
                return Ok(Some(Decider::Rule(id)));
            }
        }
        let chain = self.model.tables.get(base.table).and_then(|t| t.chains.get(base.chain));
        Ok((chain.and_then(|c| c.policy) == Some(policy)).then_some(Decider::Policy))
    }
}
