//! Packets from table to table and from hook to hook: what arrives, what address translation makes of it, what answers it.
//!
//! Everything here may only err by too much: what is dropped before for sure does not arrive, what may be translated arrives
//! translated too. Marks that a table may have written are unknown behind it.

use crate::bdd::{Bdd, Ref};
use crate::classes::Round;
use crate::engine::{Engine, at_hook};
use crate::field::{DNAT, ESTABLISHED, Key, Masked, SNAT, UNTRACKED};
use crate::flow::reached;
use crate::program::{Hook, Kind, RuleId, Translation};
use crate::set::Set;

/// All tables, in the order in which packets meet them at most hooks.
const KINDS: [Kind; 5] = [Kind::Raw, Kind::Mangle, Kind::Nat, Kind::Filter, Kind::Security];

/// Tables that a packet passes before `kind` at a hook that nothing leaves by, with the hook of each.
fn before(kind: Kind, hook: Hook) -> Vec<(Kind, Hook)> {
    let mut path = Vec::new();
    if matches!(hook, Hook::Input | Hook::Forward) {
        path.extend([Kind::Raw, Kind::Mangle, Kind::Nat].map(|kind| (kind, Hook::Prerouting)));
    }
    // At INPUT the source is translated last.
    let late = |other: Kind| hook == Hook::Input && (other == Kind::Nat || kind == Kind::Nat);
    let earlier =
        |other: Kind| if late(other) { kind == Kind::Nat && other != Kind::Nat } else { other < kind };
    path.extend(KINDS.into_iter().filter(|&other| earlier(other)).map(|other| (other, hook)));
    path
}

/// All tables that a packet passes up to the end of a hook.
fn through(hook: Hook) -> Vec<(Kind, Hook)> {
    let mut path = before(Kind::Security, hook);
    path.push((Kind::Security, hook));
    path
}

impl Engine {
    /// What may arrive at a hook in a table, as far as the tables before it are analysed already.
    pub(crate) fn arriving(&mut self, kind: Kind, hook: Hook) -> Ref {
        self.routed(kind, hook, &before(kind, hook), Ref::ALL)
    }

    /// What may arrive at a base chain at POSTROUTING: from FORWARD, and from OUTPUT. What no rule asks for is not looked at and
    /// counts as arriving.
    pub(crate) fn leaving(&mut self, table: usize, chain: usize) -> Ref {
        let kind = self.program.tables[table].kind;
        let possible = at_hook(&mut self.bdd, &mut self.domain, kind, Hook::Postrouting);
        let wanted = self.asked(table, chain);
        let wanted = self.bdd.and(wanted, possible);
        let unasked = self.bdd.minus(possible, wanted);
        let wanted_before = self.forgotten(wanted, &[Key::Iif]);
        let passing = self.routed(kind, Hook::Forward, &through(Hook::Forward), wanted_before);
        let own = self.sent(kind, wanted_before);
        let all = self.bdd.or(passing, own);
        let all = self.moved(all, Hook::Postrouting);
        let here: Vec<(Kind, Hook)> =
            KINDS.into_iter().filter(|&other| other < kind).map(|other| (other, Hook::Postrouting)).collect();
        let all = self.follow(all, &here, Hook::Postrouting);
        let all = self.bdd.and(all, wanted);
        self.bdd.or(all, unasked)
    }

    /// What rules ask for, of a chain and all that it leads to.
    fn asked(&mut self, table: usize, chain: usize) -> Ref {
        let reached = reached(&self.program.tables[table].chains, [chain]);
        let mut all = Ref::NONE;
        for at in (0..reached.len()).filter(|&at| reached[at]) {
            let mut last = Ref::NONE;
            for matched in self.tables[table].chains[at].matches.clone() {
                // Rules of a run have the same.
                if matched != last {
                    all = self.bdd.or(all, matched);
                    last = matched;
                }
            }
        }
        all
    }

    /// What passes OUTPUT. What is translated there or changed in `mangle` is routed again, and may leave by another interface
    /// than OUTPUT saw.
    fn sent(&mut self, kind: Kind, wanted: Ref) -> Ref {
        let (first, last) = ([Kind::Raw, Kind::Mangle], [Kind::Filter, Kind::Security]);
        let at = |kinds: [Kind; 2]| kinds.map(|kind| (kind, Hook::Output));
        let rerouted = self.changes(Kind::Mangle, Hook::Output);
        let seen = if rerouted { self.forgotten(wanted, &[Key::Oif]) } else { wanted };
        let all = self.routed(kind, Hook::Output, &at(first), seen);
        let translated = match self.program.table(Kind::Nat).map(|(at, t)| (at, t.at_hook(Hook::Output))) {
            Some((table, Some(chain))) if !self.translations(table, chain).is_empty() => {
                let any = self.routed(kind, Hook::Output, &at(first), Ref::ALL);
                self.images(any, table, chain)
            }
            _ => Ref::NONE,
        };
        let all = self.follow(all, &at(last), Hook::Output);
        let translated = self.follow(translated, &at(last), Hook::Output);
        let any = self.any_way(translated);
        let all = if rerouted { self.any_way(all) } else { all };
        self.bdd.or(all, any)
    }

    /// The same by any interface.
    fn any_way(&mut self, all: Ref) -> Ref {
        let any = self.forgotten(all, &[Key::Oif]);
        let none = self.domain.set(&mut self.bdd, &Key::Oif, &Set::one(0), Round::Out);
        self.bdd.minus(any, none)
    }

    /// Whether a rule of a table may change packets at a hook.
    fn changes(&self, kind: Kind, hook: Hook) -> bool {
        let Some((_, table)) = self.program.table(kind) else { return false };
        let reached = reached(&table.chains, table.at_hook(hook));
        let chains = table.chains.iter().zip(reached).filter(|(_, reached)| *reached);
        chains.flat_map(|(chain, _)| &chain.rules).any(|rule| !rule.assigns.is_empty())
    }

    /// What is left of packets that are seen at a hook after these tables.
    fn follow(&mut self, mut all: Ref, path: &[(Kind, Hook)], hook: Hook) -> Ref {
        for &(earlier, at) in path {
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

    /// What of the packets that `kind` may see is routed to a hook and left there by the tables of a path, as far as it is
    /// `wanted` there.
    fn routed(&mut self, kind: Kind, hook: Hook, path: &[(Kind, Hook)], wanted: Ref) -> Ref {
        let (earlier, here) = path.split_at(path.partition_point(|(_, at)| *at != hook));
        let mut all = at_hook(&mut self.bdd, &mut self.domain, kind, hook);
        // What is translated on the way was another packet before.
        let translates = earlier.iter().any(|&(kind, at)| {
            let nat = self.program.table(kind).filter(|_| kind == Kind::Nat);
            nat.is_some_and(|(table, t)| {
                t.at_hook(at).is_some_and(|c| !self.translations(table, c).is_empty())
            })
        });
        if !translates {
            all = self.bdd.and(all, wanted);
        }
        all = self.follow(all, earlier, hook);
        all = self.bdd.and(all, wanted);
        for at in 0..self.routing.len() {
            if self.routing[at].0 == hook {
                all = self.bdd.and(all, self.routing[at].1);
            }
        }
        self.follow(all, here, hook)
    }

    /// What a base chain lets through of packets that are seen at a later hook.
    fn passed(&mut self, all: Ref, table: usize, chain: usize, at: Hook, other_hook: bool) -> Ref {
        // Of a chain that changes packets it has them as they left; what may have changed is forgotten below.
        let fate = self.tables[table].chains[chain].summary;
        if fate.dropped == Ref::NONE {
            return all;
        }
        // Marks may have been written, the state looked up since.
        let raw = self.program.tables[table].kind == Kind::Raw;
        let fields = self.domain.fields.keys();
        let changed = fields.filter(|key| !key.is_stable() || **key == Key::State && raw);
        let mut changed: Vec<Key> = changed.cloned().collect();
        // The outgoing interface was not known there, the incoming one is the same.
        changed.extend(other_hook.then_some(Key::Oif));
        // Of what is asked for only, lest more be forgotten than has to be.
        let mut wanted = self.forgotten(all, &changed);
        if self.changes(self.program.tables[table].kind, at) {
            wanted = self.any_answer(wanted);
        }
        let possible = at_hook(&mut self.bdd, &mut self.domain, self.program.tables[table].kind, at);
        wanted = self.bdd.and(wanted, possible);
        let mut passed = self.bdd.and(fate.accepted, wanted);
        passed = self.forgotten(passed, &changed);
        if self.changes(self.program.tables[table].kind, at) {
            passed = self.any_answer(passed);
        }
        self.bdd.and(all, passed)
    }

    /// The same whatever questions of unknown meaning are answered.
    fn any_answer(&mut self, a: Ref) -> Ref {
        let from = self.domain.atoms();
        self.bdd.exists(a, &[(from, u32::MAX)])
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
        let judged = self.judged(id);
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
        // What else is asked of the packet may depend on its addresses.
        keys.extend(self.domain.fields.keys().filter(|key| matches!(key, Key::Other(_))).cloned());
        let mut image = self.forgotten(hit, &keys);
        image = self.any_answer(image);
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
            let mut keys = vec![Key::Destination, Key::DestinationPort, Key::Status];
            keys.extend(self.domain.fields.keys().filter(|key| matches!(key, Key::Other(_))).cloned());
            let any = self.forgotten(region, &keys);
            self.any_answer(any)
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
        region = self.any_answer(region);
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

    /// The rules of earlier tables that drop packets on their way to a hook. Of what leaves the host those that keep it from
    /// coming by either way, or none.
    pub(crate) fn dropped_before(&mut self, kind: Kind, hook: Hook, wanted: Ref) -> Vec<RuleId> {
        if hook != Hook::Postrouting {
            return self.droppers(&before(kind, hook), hook, wanted).1;
        }
        let mut found = Vec::new();
        for way in [Hook::Forward, Hook::Output] {
            let (left, rules) = self.droppers(&through(way), hook, wanted);
            if left != Ref::NONE {
                return Vec::new();
            }
            found.extend(rules);
        }
        found
    }

    /// Rules on a path that drop packets of a hook, and what they leave of them.
    fn droppers(&mut self, path: &[(Kind, Hook)], hook: Hook, wanted: Ref) -> (Ref, Vec<RuleId>) {
        let mut parts = Vec::new();
        for &(earlier, at) in path {
            let found = self.program.table(earlier).filter(|(table, _)| self.ready[*table]);
            let Some((table, found)) = found.filter(|(_, t)| earlier != Kind::Nat && t.at_hook(at).is_some())
            else {
                continue;
            };
            let reached = reached(&found.chains, found.at_hook(at));
            let drops = |r: &crate::Rule| matches!(r.action, crate::Action::Drop | crate::Action::Reject);
            let rules = self
                .program
                .rules()
                .filter(|(id, r)| id.table == table && reached[id.chain] && drops(r) && !r.condition.chance);
            let rules: Vec<RuleId> = rules.map(|(id, _)| id).collect();
            // What is not known there yet, or may change on the way.
            let mut open: Vec<Key> = self.domain.fields.keys().filter(|k| !k.is_stable()).cloned().collect();
            open.push(Key::State);
            open.extend((at != hook && !at.has_oif()).then_some(Key::Oif));
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
                let mut seen = self.forgotten(would, &open);
                if hook == Hook::Postrouting && at.has_iif() {
                    seen = self.by_any(seen);
                }
                parts.push((id, (), seen));
            }
        }
        let (left, chosen) = self.smallest(wanted, parts);
        (left, chosen.into_iter().map(|(id, ..)| id).collect())
    }

    /// What of a region is in it whatever interface it came by.
    fn by_any(&mut self, region: Ref) -> Ref {
        let none = self.domain.set(&mut self.bdd, &Key::Iif, &Set::one(0), Round::Out);
        let other = self.bdd.or(region, none);
        Bdd::not(self.forgotten(Bdd::not(other), &[Key::Iif]))
    }
}
