//! Packets from hook to hook: followed one by one through all tables, against what is said to arrive.

use proptest::prelude::*;
use rfw_space::{
    Budget, ChainId, Hook, Interest, Key, Kind, NEW, Packet, Program, RELATED, Space, UNTRACKED, Verdict,
    interface, interpret,
};

use crate::agree::config;
use crate::build::{packet, tables};

const DEVICES: [&str; 4] = ["lo", "eth0", "eth1", "wlan0"];

fn device(at: usize) -> u128 {
    interface(DEVICES[at % DEVICES.len()]).intervals()[0].0
}

/// Bits at random, for whatever chance decides.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % n
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 1
    }
}

struct Way<'p> {
    program: &'p Program,
    space: &'p Space,
    dice: Dice,
}

impl Way<'_> {
    /// Through one table at one hook; whether the packet is still there.
    fn table(&mut self, kind: Kind, hook: Hook, packet: &mut Packet) -> Result<bool, TestCaseError> {
        let Some(ChainId { table, chain }) = self.space.base(kind, hook) else { return Ok(true) };
        let first = [NEW, RELATED].contains(&packet.get(&Key::State));
        if kind == Kind::Nat && !first {
            self.as_the_first_was(hook, packet);
            return Ok(true);
        }
        let entry = self.space.entry(ChainId { table, chain });
        let comes = self.space.contains(entry, packet).expect("budget");
        prop_assert!(comes, "{:?} {:?} is not entered by {}", kind, hook, packet);
        let dice = &mut self.dice;
        let trace = interpret(self.program, table, chain, packet, &mut |_| dice.coin());
        for &hit in &trace.hits {
            prop_assert!(self.space.dead(hit).is_none(), "{:?} is hit by {}", hit, packet);
        }
        *packet = trace.packet;
        if kind == Kind::Nat {
            self.translate(trace.hits.last().copied(), packet);
        }
        let accepts = trace.verdict == Verdict::Accept;
        Ok(accepts || trace.verdict == Verdict::Unknown && self.dice.coin())
    }

    /// A packet of a connection whose first one met the rules.
    fn as_the_first_was(&mut self, hook: Hook, packet: &mut Packet) {
        if packet.get(&Key::State) != rfw_space::ESTABLISHED || self.dice.coin() {
            return;
        }
        let mut first = packet.clone().with(Key::State, NEW);
        first.set(Key::TcpFlags, self.dice.below(32) as u128);
        first.set(Key::Mark, self.dice.below(16) as u128);
        for kind in [Kind::Raw, Kind::Mangle, Kind::Nat] {
            let Some(ChainId { table, chain }) = self.space.base(kind, hook) else { continue };
            let dice = &mut self.dice;
            let trace = interpret(self.program, table, chain, &first, &mut |_| dice.coin());
            if kind == Kind::Nat {
                self.translate(trace.hits.last().copied(), packet);
            } else if trace.verdict != Verdict::Accept {
                return;
            }
            first = trace.packet;
        }
    }

    fn translate(&mut self, rule: Option<rfw_space::RuleId>, packet: &mut Packet) {
        let rule = rule.and_then(|id| self.program.rule(id));
        let Some(translation) = rule.and_then(|r| r.translation.as_ref()) else { return };
        let (address, port) = match translation.destination {
            true => (Key::Destination, Key::DestinationPort),
            false => (Key::Source, Key::SourcePort),
        };
        let any = |dice: &mut Dice, set: &Option<rfw_space::Set>| match set {
            Some(set) => Some(set.intervals()[0].0),
            None if dice.coin() => Some(dice.below(46) as u128),
            None => None,
        };
        if let Some(to) = any(&mut self.dice, &translation.addresses) {
            packet.set(address, to);
        }
        if let Some(to) = &translation.ports {
            packet.set(port, to.intervals()[0].0);
        }
        // Questions that nobody understands may be about the address.
        packet.atoms = (0..crate::build::ATOMS).filter(|_| self.dice.coin()).collect();
    }

    /// What a packet meets at a hook; whether it goes on.
    fn hook(&mut self, kinds: &[Kind], hook: Hook, packet: &mut Packet) -> Result<bool, TestCaseError> {
        for &kind in kinds {
            if !self.table(kind, hook, packet)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn is_routed(&self, hook: Hook, packet: &Packet) -> bool {
        self.program.routing.iter().filter(|(at, _)| *at == hook).all(|(_, asked)| packet.matches(asked))
    }

    /// From where a packet comes to where it ends.
    fn go(&mut self, mut packet: Packet, own: bool) -> Result<(), TestCaseError> {
        let forward = self.dice.coin();
        let out = device(self.dice.below(4));
        if own {
            packet.set(Key::Iif, 0);
            packet.set(Key::Oif, out);
            let before = packet.get(&Key::Destination);
            if !self.is_routed(Hook::Output, &packet)
                || !self.hook(&[Kind::Raw, Kind::Mangle, Kind::Nat], Hook::Output, &mut packet)?
            {
                return Ok(());
            }
            let rerouted = before != packet.get(&Key::Destination) || self.marks(Hook::Output);
            if !self.hook(&[Kind::Filter, Kind::Security], Hook::Output, &mut packet)? {
                return Ok(());
            }
            if rerouted {
                packet.set(Key::Oif, device(self.dice.below(4)));
            }
        } else {
            if !self.hook(&[Kind::Raw, Kind::Mangle, Kind::Nat], Hook::Prerouting, &mut packet)? {
                return Ok(());
            }
            let to = if forward { Hook::Forward } else { Hook::Input };
            if forward {
                packet.set(Key::Oif, out);
            }
            if !self.is_routed(to, &packet)
                || !self.hook(&[Kind::Mangle, Kind::Filter, Kind::Security], to, &mut packet)?
            {
                return Ok(());
            }
            if !forward {
                return self.hook(&[Kind::Nat], Hook::Input, &mut packet).map(drop);
            }
            packet.set(Key::Iif, 0);
        }
        self.hook(&[Kind::Mangle, Kind::Nat], Hook::Postrouting, &mut packet).map(drop)
    }

    fn marks(&self, hook: Hook) -> bool {
        let table = self.program.table(Kind::Mangle).map(|(_, t)| t);
        let base = table.and_then(|t| t.chains.get(t.at_hook(hook)?));
        base.is_some_and(|chain| chain.rules.iter().any(|rule| !rule.assigns.is_empty()))
    }

    /// Whether a packet comes to the end of a hook, nothing being translated, changed or left to chance.
    fn passes(&self, hook: Hook, kinds: &[Kind], packet: &Packet) -> bool {
        kinds.iter().filter_map(|&kind| self.space.base(kind, hook)).all(|ChainId { table, chain }| {
            interpret(self.program, table, chain, packet, &mut |_| false).verdict == Verdict::Accept
        })
    }

    /// Whether a packet comes to `mangle` at POSTROUTING from anywhere.
    fn leaves(&self, packet: &Packet) -> bool {
        let tables = [Kind::Mangle, Kind::Filter, Kind::Security];
        let sent = self.is_routed(Hook::Output, packet)
            && self.passes(Hook::Output, &[Kind::Raw, Kind::Mangle], packet)
            && self.passes(Hook::Output, &tables, packet);
        let forwarded = (0..DEVICES.len()).map(device).any(|from| {
            let packet = packet.clone().with(Key::Iif, from);
            let arrived = packet.clone().with(Key::Oif, 0);
            self.passes(Hook::Prerouting, &[Kind::Raw, Kind::Mangle], &arrived)
                && self.is_routed(Hook::Forward, &packet)
                && self.passes(Hook::Forward, &tables, &packet)
        });
        sent || forwarded
    }
}

fn space(program: &Program) -> Space {
    Space::new(program.clone(), &Interest::default(), Budget::default())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_arrives_is_known_to_arrive(
        program in tables(true),
        packets in prop::collection::vec((packet(), any::<bool>()), 150),
        seed in any::<u64>(),
    ) {
        let space = space(&program);
        let mut way = Way { program: &program, space: &space, dice: Dice(seed) };
        for (packet, own) in packets {
            // Nothing is translated that is not tracked.
            let tracked = packet.get(&Key::State) != UNTRACKED;
            way.go(packet, own && tracked)?;
        }
    }

    #[test]
    fn nothing_else_leaves(program in tables(false), packets in prop::collection::vec(packet(), 60)) {
        let space = space(&program);
        let way = Way { program: &program, space: &space, dice: Dice(1) };
        let (mangle, nat) = (space.base(Kind::Mangle, Hook::Postrouting), space.base(Kind::Nat, Hook::Postrouting));
        let (mangle, nat) = (mangle.expect("a chain"), nat.expect("a chain"));
        let mut samples = packets;
        for region in [space.entry(mangle), space.entry(nat)] {
            let elsewhere = space.minus(space.at(Kind::Mangle, Hook::Postrouting), region);
            for region in [region, elsewhere] {
                samples.extend(space.witness(region).expect("budget"));
            }
        }
        for (at, packet) in samples.into_iter().enumerate() {
            let oif = Some(packet.get(&Key::Oif)).filter(|&name| name != 0).unwrap_or_else(|| device(at));
            let packet = packet.with(Key::Iif, 0).with(Key::Oif, oif);
            let leaves = way.leaves(&packet);
            let known = |chain| space.contains(space.entry(chain), &packet).expect("budget");
            // What no rule asks for counts as leaving.
            let asked = |chain: ChainId| {
                let rules = &program.tables[chain.table].chains[chain.chain].rules;
                rules.iter().any(|rule| packet.matches(&rule.condition))
            };
            prop_assert_eq!(known(mangle), leaves || !asked(mangle), "{}", &packet);
            let first = [NEW, RELATED].contains(&packet.get(&Key::State));
            let translates = first && leaves && way.passes(Hook::Postrouting, &[Kind::Mangle], &packet);
            prop_assert_eq!(known(nat), translates || first && !asked(nat), "{}", &packet);
        }
    }
}
