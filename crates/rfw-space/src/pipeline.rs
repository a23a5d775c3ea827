//! Packets from table to table and from hook to hook: what arrives, what address translation makes of it, what answers it.
//!
//! Everything here may only err by too much: what is dropped before for sure does not arrive, what may be translated arrives
//! translated too. Marks that a table may have written are unknown behind it.

use crate::bdd::{Bdd, Ref};
use crate::classes::Round;
use crate::engine::{Engine, at_hook};
use crate::field::{DNAT, ESTABLISHED, Key, Masked, SNAT, UNTRACKED};
use crate::program::{Hook, Kind, RuleId, Translation};
use crate::set::Set;

/// Tables that a packet passes before `kind` at a hook, with the hook of each.
fn before(kind: Kind, hook: Hook) -> Vec<(Kind, Hook)> {
    let own = [Kind::Raw, Kind::Mangle, Kind::Nat, Kind::Filter, Kind::Security];
    let mut path = Vec::new();
    if matches!(hook, Hook::Input | Hook::Forward) {
        path.extend([Kind::Raw, Kind::Mangle, Kind::Nat].map(|kind| (kind, Hook::Prerouting)));
    }
    // At INPUT the source is translated last.
    let late = |other: Kind| hook == Hook::Input && (other == Kind::Nat || kind == Kind::Nat);
    let earlier =
        |other: Kind| if late(other) { kind == Kind::Nat && other != Kind::Nat } else { other < kind };
    path.extend(own.into_iter().filter(|&other| earlier(other)).map(|other| (other, hook)));
    path
}

impl Engine {
    /// What may arrive at a hook in a table, as far as the tables before it are analysed already.
    pub(crate) fn arriving(&mut self, kind: Kind, hook: Hook) -> Ref {
        let mut all = at_hook(&mut self.bdd, &mut self.domain, kind, hook);
        if hook == Hook::Postrouting {
            return all;
        }
        for (earlier, at) in before(kind, hook) {
            let Some((table, found)) = self.program.table(earlier) else { continue };
            let Some(chain) = found.at_hook(at) else { continue };
            let known = self.ready[table];
            if earlier == Kind::Nat {
                let translated =
                    if known { self.images(all, table, chain) } else { self.any_image(all, table) };
                all = self.bdd.or(all, translated);
            } else if known {
                all = self.passed(all, table, chain, at, at != hook);
            }
        }
        all
    }

    /// What a base chain lets through of packets that are seen at a later hook.
    fn passed(&mut self, all: Ref, table: usize, chain: usize, at: Hook, other_hook: bool) -> Ref {
        let fate = self.fate(table, chain);
        if fate.dropped == Ref::NONE {
            return all;
        }
        let possible = at_hook(&mut self.bdd, &mut self.domain, self.program.tables[table].kind, at);
        let mut passed = self.bdd.and(fate.accepted, possible);
        if other_hook {
            // The outgoing interface was not known there, the incoming one is the same.
            passed = self.forgotten(passed, &[Key::Oif]);
        }
        // Marks may have been written, the state looked up since.
        let changed: Vec<Key> = self
            .domain
            .fields
            .keys()
            .filter(|key| {
                !key.is_stable() || **key == Key::State && self.program.tables[table].kind == Kind::Raw
            })
            .cloned()
            .collect();
        passed = self.forgotten(passed, &changed);
        self.bdd.and(all, passed)
    }

    pub(crate) fn forgotten(&mut self, a: Ref, keys: &[Key]) -> Ref {
        let mut levels: Vec<(u32, u32)> =
            keys.iter().map(|k| self.domain.levels(k)).filter(|l| l.0 < l.1).collect();
        levels.sort_unstable();
        levels.dedup();
        self.bdd.exists(a, &levels)
    }

    /// Translations that a base chain of `nat` leads to.
    fn translations(&self, table: usize, chain: usize) -> Vec<RuleId> {
        let chains = &self.program.tables[table].chains;
        let (mut open, mut seen, mut found) = (vec![chain], vec![false; chains.len()], Vec::new());
        while let Some(at) = open.pop() {
            if at >= chains.len() || std::mem::replace(&mut seen[at], true) {
                continue;
            }
            for (rule, r) in chains[at].rules.iter().enumerate() {
                open.extend(r.action.chain());
                if r.translation.is_some() {
                    found.push(RuleId { table, chain: at, rule });
                }
            }
        }
        found
    }

    /// The packets of a region that a base chain of `nat` may translate, as they are afterwards.
    pub(crate) fn images(&mut self, region: Ref, table: usize, chain: usize) -> Ref {
        let mut all = Ref::NONE;
        for id in self.translations(table, chain) {
            let image = self.image(region, id);
            all = self.bdd.or(all, image);
        }
        all
    }

    /// The packets of a region that one rule may translate, as they are afterwards. Later packets of a connection are
    /// translated as its first one was.
    pub(crate) fn image(&mut self, region: Ref, id: RuleId) -> Ref {
        let Some(translation) = self.program.rule(id).and_then(|r| r.translation.clone()) else {
            return Ref::NONE;
        };
        let (comes, matched) = (self.comes_to(id), self.matched(id));
        let judged = self.bdd.and(comes, matched);
        let mut connection = self.forgotten(judged, &[Key::State, Key::Status, Key::TcpFlags, Key::Mark]);
        // Packets may be seen at another hook, where an interface is known that is not known at the chain's.
        for key in [Key::Iif, Key::Oif] {
            let none = self.domain.set(&mut self.bdd, &key, &Set::one(0), Round::Out);
            if self.bdd.is_within(connection, none) {
                connection = self.forgotten(connection, &[key]);
            }
        }
        let hit = self.bdd.and(region, connection);
        self.translated(hit, &translation)
    }

    fn translated(&mut self, hit: Ref, translation: &Translation) -> Ref {
        if hit == Ref::NONE {
            return hit;
        }
        let (address, port, bit) = if translation.destination {
            (Key::Destination, Key::DestinationPort, DNAT)
        } else {
            (Key::Source, Key::SourcePort, SNAT)
        };
        let mut keys = vec![address.clone()];
        let ports = translation.ports.is_some() || !translation.destination;
        keys.extend(ports.then(|| port.clone()));
        let mut image = self.forgotten(hit, &keys);
        for (key, set) in [(&address, &translation.addresses), (&port, &translation.ports)] {
            if let Some(set) = set {
                let set = self.domain.set(&mut self.bdd, key, set, Round::Out);
                image = self.bdd.and(image, set);
            }
        }
        let (from, to) = self.domain.levels(&Key::Status);
        if from < to {
            let clear = Masked { key: Key::Status, mask: bit, value: 0, inverted: false };
            let clear = self.domain.literal(&mut self.bdd, &crate::Literal::Bits(clear));
            let rest = self.bdd.exists(image, &[(from, to)]);
            if clear != Ref::ALL {
                image = self.bdd.and(rest, Bdd::not(clear));
            }
        }
        image
    }

    /// As if every rule of a table that is not analysed yet might translate everything.
    fn any_image(&mut self, region: Ref, table: usize) -> Ref {
        let rules = self.program.tables[table].chains.iter().flat_map(|c| &c.rules);
        let any = rules.filter_map(|r| r.translation.as_ref()).any(|t| t.destination);
        if any {
            self.forgotten(region, &[Key::Destination, Key::DestinationPort, Key::Status])
        } else {
            Ref::NONE
        }
    }

    /// What answers to packets of a region: ends exchanged, state ESTABLISHED, or UNTRACKED where they are. Marks, flags and
    /// questions of unknown meaning are open. Of ICMP only echo requests are answered.
    pub(crate) fn reply(&mut self, region: Ref) -> Ref {
        let open: Vec<Key> =
            self.domain.fields.keys().filter(|k| !k.is_stable() || **k == Key::TcpFlags).cloned().collect();
        let mut region = self.forgotten(region, &open);
        let atoms = self.domain.atoms();
        region = self.bdd.exists(region, &[(atoms, u32::MAX)]);
        let state = |e: &mut Self, state| e.domain.set(&mut e.bdd, &Key::State, &Set::one(state), Round::Out);
        let (untracked, established) = (state(self, UNTRACKED), state(self, ESTABLISHED));
        let tracked = self.bdd.minus(region, untracked);
        let tracked = self.forgotten(tracked, &[Key::State]);
        let tracked = self.bdd.and(tracked, established);
        let untracked = self.bdd.and(region, untracked);
        let region = self.bdd.or(tracked, untracked);
        let icmp = Set::union([(1, 1), (58, 58)]);
        let icmp = self.domain.set(&mut self.bdd, &Key::Protocol, &icmp, Round::Out);
        let others = self.bdd.minus(region, icmp);
        let echo = self.echo(region);
        let mut all = Ref::NONE;
        for (part, ports) in [(others, true), (echo, false)] {
            let mut pairs = Vec::new();
            for (one, other) in [
                (Key::Source, Key::Destination),
                (Key::SourcePort, Key::DestinationPort),
                (Key::Iif, Key::Oif),
            ] {
                if ports || one != Key::SourcePort {
                    let (one, other) = (self.domain.levels(&one), self.domain.levels(&other));
                    pairs.extend((one.0..one.1).zip(other.0..other.1));
                }
            }
            let turned = self.bdd.rename(part, &pairs);
            all = self.bdd.or(all, turned);
        }
        all
    }

    /// Echo requests of a region as the replies to them, ends not yet exchanged.
    fn echo(&mut self, region: Ref) -> Ref {
        let mut all = Ref::NONE;
        for (protocol, request, reply) in [(1, 8, 0), (58, 128, 129)] {
            let kind = |kind: u128| Set::range(kind << 8, kind << 8 | 0xff);
            let protocol = self.domain.set(&mut self.bdd, &Key::Protocol, &Set::one(protocol), Round::Out);
            let request = self.domain.set(&mut self.bdd, &Key::SourcePort, &kind(request), Round::Out);
            let reply = self.domain.set(&mut self.bdd, &Key::SourcePort, &kind(reply), Round::Out);
            let part = self.bdd.and(region, protocol);
            let part = self.bdd.and(part, request);
            let part = self.forgotten(part, &[Key::SourcePort]);
            let part = self.bdd.and(part, reply);
            all = self.bdd.or(all, part);
        }
        all
    }

    /// The packets of a region, seen at one hook, as they are at another: the interfaces that are not known there are
    /// forgotten, nothing else is changed.
    pub(crate) fn moved(&mut self, region: Ref, to: Hook) -> Ref {
        let none = Set::one(0);
        let mut out = region;
        for (key, has) in [(Key::Iif, to.has_iif()), (Key::Oif, to.has_oif())] {
            let none = self.domain.set(&mut self.bdd, &key, &none, Round::Out);
            let without = self.bdd.and(out, none);
            out = if has {
                // Where there was none, any may come.
                let with = self.bdd.minus(out, none);
                let any = self.forgotten(without, &[key]);
                let any = self.bdd.minus(any, none);
                self.bdd.or(with, any)
            } else {
                let any = self.forgotten(out, &[key]);
                self.bdd.and(any, none)
            };
        }
        out
    }

    /// The rules of earlier tables that drop packets on their way to a hook.
    pub(crate) fn dropped_before(&mut self, kind: Kind, hook: Hook, wanted: Ref) -> Vec<RuleId> {
        let mut parts = Vec::new();
        for (earlier, at) in before(kind, hook) {
            let found = self.program.table(earlier).filter(|(table, _)| self.ready[*table]);
            let Some((table, _)) = found.filter(|(_, t)| earlier != Kind::Nat && t.at_hook(at).is_some())
            else {
                continue;
            };
            let drops = |r: &crate::Rule| matches!(r.action, crate::Action::Drop | crate::Action::Reject);
            let rules =
                self.program.rules().filter(|(id, r)| id.table == table && drops(r) && !r.condition.chance);
            let rules: Vec<RuleId> = rules.map(|(id, _)| id).collect();
            // What is not known there yet, or may change on the way.
            let mut open: Vec<Key> = self.domain.fields.keys().filter(|k| !k.is_stable()).cloned().collect();
            open.push(Key::State);
            open.extend((at != hook).then_some(Key::Oif));
            let (mut chain, mut gone) = (usize::MAX, Ref::NONE);
            for id in rules {
                if id.chain != chain {
                    (chain, gone) = (id.chain, Ref::NONE);
                }
                // What an earlier rule of the chain drops this one would drop too.
                let (comes, matched) = (self.comes_to(id), self.matched(id));
                let would = self.bdd.or(comes, gone);
                let would = self.bdd.and(would, matched);
                gone = self.bdd.or(gone, would);
                parts.push((id, (), self.forgotten(would, &open)));
            }
        }
        self.smallest(wanted, parts).1.into_iter().map(|(id, ..)| id).collect()
    }
}
