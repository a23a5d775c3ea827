//! What goes in comes out, and errors name their cause.

use std::ops::ControlFlow;

use rfw_kernel::{Batch, CommitError, IpsetError, Kernel, TableId};
use rfw_nft::{
    Expr, Family, Verdict,
    expr::{CmpOp, REG_1, meta},
    message::{Counters, NewChain, NewRule, expr_at_offset, userdata},
};

use crate::namespace::{has, privileged, tool};
use crate::{FILTER, FOO, INPUT, base, counted, jump, open, place, rejects, rule, started};
use rfw_nft::message::Place;

#[test]
fn objects_come_back() {
    privileged("rules::objects_come_back", || {
        let mut kernel = open();
        assert_eq!(kernel.table(FILTER).unwrap(), None);
        assert_eq!(kernel.chain(INPUT).unwrap(), None);
        assert_eq!(kernel.tables(Family::Ipv4).unwrap(), []);
        assert_eq!(kernel.chains(FILTER).unwrap(), []);
        let mut mark = Vec::new();
        userdata::push_comment(&mut mark, b"made by rfw").unwrap();
        let mut batch = Batch::new(Some(kernel.generation().unwrap()));
        batch.add_table(FILTER, &mark);
        let counters = Counters { packets: 3, bytes: 4 };
        let input = NewChain { counters: Some(counters), ..base(0) };
        batch.add_base_chain(INPUT, &input);
        batch.add_user_chain(FOO, &[]);
        let mut exprs = vec![
            Expr::Meta { dreg: REG_1, key: meta::L4PROTO },
            Expr::Cmp { sreg: REG_1, op: CmpOp::Eq, data: [17].into_iter().collect() },
        ];
        exprs.extend(jump("foo"));
        let noted = NewRule { userdata: &[0x80, 1, b'x'], ..rule(INPUT) };
        batch.add_rule(&noted, &exprs);
        batch.add_rule(&place(INPUT, Place::First), &counted(Verdict::Accept));
        kernel.commit(&mut batch).unwrap();

        let table = kernel.table(FILTER).unwrap().unwrap();
        assert_eq!(table.userdata, mark);
        assert_eq!(kernel.tables(Family::Ipv4).unwrap(), [table]);
        assert_eq!(kernel.tables(Family::Ipv6).unwrap(), []);
        let chain = kernel.chain(INPUT).unwrap().unwrap();
        assert_eq!(chain.hook, Some(input.hook));
        assert_eq!((chain.policy, chain.counters), (Some(0), Some(counters)));
        let chains = kernel.chains(FILTER).unwrap();
        assert_eq!((chains.len(), &chains[0]), (2, &chain));
        let mut rules = Vec::new();
        let mut keep = |raw: &rfw_kernel::RawRule| {
            rules.push(raw.to_rule().unwrap());
            ControlFlow::Continue(())
        };
        kernel.rules(FILTER, Some(b"INPUT"), &mut keep).unwrap();
        assert_eq!(rules.len(), 2);
        assert_eq!(rules[0].exprs, counted(Verdict::Accept));
        assert_eq!(rules[1].exprs, exprs);
        assert_eq!(rules[1].userdata, noted.userdata);
        assert_eq!(rules[1].position, Some(rules[0].handle));
        beside_the_tools();
    });
}

fn beside_the_tools() {
    if has("iptables") {
        assert_eq!(
            tool("iptables -S"),
            "-P INPUT DROP\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n-N foo\n\
             -A INPUT -j ACCEPT\n-A INPUT -p udp -j foo\n"
        );
    }
    if has("nft") {
        let listing = tool("nft list ruleset");
        assert!(listing.contains("comment \"made by rfw\""), "{listing}");
        assert!(listing.contains("jump foo"), "{listing}");
    }
}

#[test]
fn every_error_of_a_batch_is_told() {
    privileged("rules::every_error_of_a_batch_is_told", || {
        let mut kernel = open();
        let mut batch = started(&mut kernel);
        batch.add_rule(&rule(INPUT), &counted(Verdict::Accept));
        let first = batch.add_rule(&rule(INPUT), &jump("missing"));
        batch.add_rule(&rule(INPUT), &counted(Verdict::Accept));
        let bad_match = Expr::Match { name: b"nonesuch".to_vec(), rev: 0, info: vec![0; 8] };
        let second = batch.add_rule(&rule(INPUT), &[bad_match]);
        let told = rejects(kernel.commit(&mut batch));
        let seen: Vec<_> = told.iter().map(|r| (r.seq, r.errno)).collect();
        assert_eq!(seen, [(first, 2), (second, 2)]);
        let culprits: Vec<_> = told
            .iter()
            .map(|r| {
                let messages = batch.messages().flatten();
                let message = messages.into_iter().find(|m| m.seq == r.seq).unwrap();
                expr_at_offset(message.bytes, r.attr_offset.unwrap())
            })
            .collect();
        assert_eq!(culprits, [Some(1), Some(0)]);
        assert_eq!(kernel.table(FILTER).unwrap(), None);
        // The socket is good for more.
        kernel.commit(&mut started(&mut open())).unwrap();
    });
}

#[test]
fn another_writer_is_a_conflict() {
    privileged("rules::another_writer_is_a_conflict", || {
        let (mut kernel, mut other) = (open(), open());
        let mut batch = started(&mut kernel);
        if has("nft") {
            tool("nft add table inet else");
        } else {
            let mut elsewhere = Batch::new(None);
            elsewhere.add_table(TableId::new(Family::Ipv6, b"else"), &[]);
            other.commit(&mut elsewhere).unwrap();
        }
        let result = kernel.commit(&mut batch);
        assert!(matches!(result, Err(CommitError::Conflict)), "{result:?}");
        assert_eq!(kernel.table(FILTER).unwrap(), None);
        batch.set_generation(kernel.generation().unwrap());
        kernel.commit(&mut batch).unwrap();
        assert!(kernel.table(FILTER).unwrap().is_some());
    });
}

#[test]
fn revisions_are_probed() {
    privileged("rules::revisions_are_probed", || {
        let mut kernel = open();
        let mut has = |name: &[u8], revision, target| {
            kernel.revision_supported(Family::Ipv4, name, revision, target).unwrap()
        };
        for _ in 0..2 {
            assert!(has(b"conntrack", 3, false));
            assert!(!has(b"conntrack", 99, false));
            assert!(!has(b"nonesuch", 0, true));
            assert!(has(b"MARK", 2, true));
        }
    });
}

#[test]
fn ipsets_are_found() {
    privileged("rules::ipsets_are_found", || {
        if !has("ipset") {
            return;
        }
        tool("ipset create one hash:ip");
        tool("ipset create two hash:net");
        let mut kernel = open();
        let one = kernel.ipset_index(b"one", Family::Ipv4).unwrap();
        let two = kernel.ipset_index(b"two", Family::Ipv4).unwrap();
        assert_ne!(one, two);
        assert_eq!(kernel.ipset_name(two).unwrap(), b"two");
        let missing = |r| matches!(r, Err(IpsetError::Missing));
        assert!(matches!(kernel.ipset_index(b"one", Family::Ipv6), Err(IpsetError::Family)));
        assert!(missing(kernel.ipset_index(b"three", Family::Ipv4)));
        assert!(missing(kernel.ipset_index(&[b'x'; 40], Family::Ipv4)));
        assert!(kernel.ipset_name(two + 100).is_err());
    });
}
