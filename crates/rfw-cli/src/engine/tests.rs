//! Somebody else changes the ruleset between our reading and our sending.

use std::ops::ControlFlow;

use rfw_compiler::{Rule, RuleTarget, TableSpec};
use rfw_diagnostics::{Span, codes};
use rfw_extensions::Encoding;
use rfw_kernel::{
    Batch, Chain, ChainId, CommitError, Error, Fake, IpsetError, Kernel, RawRule, Reject, Table, TableId,
};
use rfw_nft::Family;
use rfw_nft::set::Set;
use rfw_syntax::Word;

use super::*;
use crate::iptables::retry;
use crate::names::SystemNames;

/// What others do to the kernel, one after the other, each just before a batch of ours arrives.
type Others = Vec<fn(&mut Fake)>;

struct Busy {
    fake: Fake,
    others: Others,
    /// An xt match that the kernel hasn't.
    lacks: Option<&'static [u8]>,
}

impl Busy {
    fn new(others: Others) -> Self {
        Self { fake: Fake::new(), others, lacks: None }
    }
}

impl Kernel for Busy {
    fn generation(&mut self) -> Result<u32, Error> {
        self.fake.generation()
    }

    fn tables(&mut self, family: Family) -> Result<Vec<Table>, Error> {
        self.fake.tables(family)
    }

    fn table(&mut self, table: TableId) -> Result<Option<Table>, Error> {
        self.fake.table(table)
    }

    fn chains(&mut self, table: TableId) -> Result<Vec<Chain>, Error> {
        self.fake.chains(table)
    }

    fn chain(&mut self, chain: ChainId) -> Result<Option<Chain>, Error> {
        self.fake.chain(chain)
    }

    fn rules(
        &mut self,
        table: TableId,
        chain: Option<&[u8]>,
        visit: &mut dyn FnMut(&RawRule) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        self.fake.rules(table, chain, visit)
    }

    fn sets(&mut self, table: TableId, names: &[&[u8]]) -> Result<Vec<(Vec<u8>, Set)>, Error> {
        self.fake.sets(table, names)
    }

    fn commit(&mut self, batch: &mut Batch) -> Result<(), CommitError> {
        if !self.others.is_empty() {
            self.others.remove(0)(&mut self.fake);
        }
        let named =
            |bytes: &[u8]| self.lacks.is_some_and(|name| bytes.windows(name.len()).any(|at| at == name));
        let refused = batch.messages().flatten().filter(|message| named(message.bytes));
        let refused: Vec<Reject> = refused
            .map(|m| Reject { seq: m.seq, errno: ops::ENOENT, attr_offset: None, message: None })
            .collect();
        if !refused.is_empty() {
            return Err(CommitError::Rejected(refused));
        }
        self.fake.commit(batch)
    }

    fn revision_supported(&mut self, f: Family, name: &[u8], rev: u32, target: bool) -> Result<bool, Error> {
        self.fake.revision_supported(f, name, rev, target)
    }

    fn ipset_index(&mut self, name: &[u8], family: Family) -> Result<u16, IpsetError> {
        self.fake.ipset_index(name, family)
    }

    fn ipset_name(&mut self, index: u16) -> Result<Vec<u8>, IpsetError> {
        self.fake.ipset_name(index)
    }
}

fn word(text: &str) -> Word<'_> {
    Word { text: text.as_bytes().into(), span: Span::new(0, text.len()), quoted: false }
}

fn rule(target: RuleTarget) -> Rule {
    Rule { target, ..Rule::default() }
}

/// Runs a change in the filter table, as often as it takes; gives the number of attempts.
fn change(
    kernel: &mut dyn Kernel,
    mut change: impl FnMut(&mut Transaction<'_>, usize) -> Done<()>,
) -> Done<u32> {
    let names = SystemNames::default();
    let settings = Settings { encoding: Some(Encoding::Native), no_xt: false };
    let spec = TableSpec::named(b"filter").expect("a table of iptables");
    let mut attempts = 0;
    retry(|| {
        attempts += 1;
        let mut transaction = Transaction::begin(kernel, &names, Family::Ipv4, settings, false)?;
        let table = transaction.table(spec)?;
        change(&mut transaction, table)?;
        transaction.commit()
    })?;
    Ok(attempts)
}

fn append(kernel: &mut dyn Kernel, target: RuleTarget) -> u32 {
    let wanted = rule(target);
    let done = change(kernel, |transaction, table| {
        let chain = transaction.chain_for_rules(table, &word("INPUT"))?;
        let wanted = Wanted { rule: &wanted, counters: (0, 0), span: Span::default() };
        transaction.append(table, chain, wanted)
    });
    done.expect("a rule")
}

/// The targets of INPUT, in order.
fn targets(kernel: &mut dyn Kernel) -> Vec<String> {
    let mut found = Vec::new();
    let id = TableId::new(Family::Ipv4, b"filter");
    let names = SystemNames::default();
    let read = kernel.rules(id, Some(b"INPUT"), &mut |raw| {
        if let rfw_compiler::Body::Rule(rule) = Dumped::new(raw).lift(Family::Ipv4, &names).body {
            found.push(String::from_utf8_lossy(rule.target.name()).into_owned());
        }
        ControlFlow::Continue(())
    });
    read.expect("rules");
    found
}

fn insert_return(fake: &mut Fake) {
    let wanted = rule(RuleTarget::Return);
    let done = change(fake, |transaction, table| {
        let chain = transaction.chain_for_rules(table, &word("INPUT"))?;
        let wanted = Wanted { rule: &wanted, counters: (0, 0), span: Span::default() };
        transaction.insert(table, chain, 1, wanted, Span::default())
    });
    assert_eq!(done.expect("a rule"), 1);
}

#[test]
fn a_change_is_built_again_until_it_fits() {
    let mut busy = Busy::new(vec![Fake::disturb, Fake::disturb, Fake::disturb]);
    assert_eq!(append(&mut busy, RuleTarget::Accept), 4);
    assert_eq!(append(&mut busy, RuleTarget::Drop), 1);
    assert_eq!(targets(&mut busy), ["ACCEPT", "DROP"]);
}

#[test]
fn a_number_means_the_rule_that_has_it_when_it_is_deleted() {
    let mut busy = Busy::new(Vec::new());
    append(&mut busy, RuleTarget::Accept);
    append(&mut busy, RuleTarget::Drop);
    // While `-D INPUT 2` is on its way, another rule takes the first place: number 2 is then ACCEPT.
    busy.others = vec![insert_return];
    let attempts = change(&mut busy, |transaction, table| {
        transaction.delete_number(table, &word("INPUT"), 2, Span::default())
    });
    assert_eq!(attempts.expect("deleted"), 2);
    assert_eq!(targets(&mut busy), ["RETURN", "DROP"]);
}

#[test]
fn what_disappears_meanwhile_is_missed() {
    fn flush(fake: &mut Fake) {
        let done =
            change(fake, |transaction, table| transaction.flush(table, None, Span::default()).map(drop));
        assert_eq!(done.expect("flushed"), 1);
    }
    let mut busy = Busy::new(Vec::new());
    append(&mut busy, RuleTarget::Accept);
    busy.others = vec![flush];
    let wanted = rule(RuleTarget::Accept);
    let done = change(&mut busy, |transaction, table| {
        transaction.delete_rule(table, &word("INPUT"), &wanted, Span::default())
    });
    let Err(Halt::Diagnostics(found)) = done else { panic!("{done:?}") };
    assert_eq!(found[0].code, codes::NO_SUCH_RULE);
}

/// The rule of a command line.
fn built(line: &str) -> Rule {
    let registry = rfw_extensions::Registry::new(Family::Ipv4);
    let words: Vec<Vec<u8>> = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
    let joined = rfw_syntax::join_argv(&words);
    let mode = rfw_syntax::Mode::CommandLine;
    let command =
        rfw_syntax::parse_command(&joined.words, Span::default(), mode, &registry).expect("a command");
    let spec = TableSpec::named(b"filter").expect("a table of iptables");
    let names = SystemNames::default();
    let rules = crate::iptables::built(Family::Ipv4, spec, &command, &names, &mut |_| {});
    rules.expect("a rule").remove(0)
}

#[test]
fn what_needs_xt_is_refused_with_its_reason() {
    let refusal = |line: &str, encoding: Encoding| {
        let spec = TableSpec::named(b"filter").expect("a table of iptables");
        let (names, rule) = (SystemNames::default(), built(line));
        let settings = Settings { encoding: Some(encoding), no_xt: true };
        let mut kernel = Fake::default();
        let mut transaction =
            Transaction::begin(&mut kernel, &names, Family::Ipv4, settings, false).expect("a transaction");
        let table = transaction.table(spec).expect("a table");
        let chain = transaction.chain_for_rules(table, &word("INPUT")).expect("a chain");
        let span = Span::new(3, 9);
        let wanted = Wanted { rule: &rule, counters: (0, 0), span };
        match transaction.append(table, chain, wanted) {
            Ok(()) => None,
            Err(Halt::Diagnostics(found)) => {
                assert_eq!((found[0].code, found[0].span), (codes::NOT_NATIVE, span));
                Some(found[0].message.clone())
            }
            Err(_) => panic!("another error"),
        }
    };
    let native = refusal("-A INPUT -m string --string a --algo bm", Encoding::Native).expect("a refusal");
    assert!(
        native.contains("`-m string`") && native.ends_with("nf_tables can't search in a packet"),
        "{native}"
    );
    let native =
        refusal("-A INPUT -p tcp -j TCPOPTSTRIP --strip-options mss", Encoding::Native).expect("a refusal");
    assert!(native.contains("`-j TCPOPTSTRIP`"), "{native}");
    assert_eq!(refusal("-A INPUT -m mark --mark 1 -j ACCEPT", Encoding::Native), None);
    let compat = refusal("-A INPUT -m pkttype --pkt-type host", Encoding::Compat).expect("a refusal");
    assert!(compat.contains("`-m pkttype`") && compat.contains("as iptables writes it"), "{compat}");
}

#[test]
fn lists_are_sets_where_the_kernel_has_no_xt_for_them() {
    let rule = built("-A INPUT -p tcp -m multiport --dports 1,3");
    let names = SystemNames::default();
    let settings = Settings { encoding: Some(Encoding::Native), no_xt: false };
    let spec = TableSpec::named(b"filter").expect("a table of iptables");
    let sent = |kernel: &mut dyn Kernel, lists: Lists| {
        let mut transaction =
            Transaction::begin_file(kernel, &names, Family::Ipv4, settings, false, 0, lists)?;
        let table = transaction.table(spec)?;
        let chain = transaction.chain_for_rules(table, &word("INPUT"))?;
        transaction.append(table, chain, Wanted { rule: &rule, counters: (0, 0), span: Span::default() })?;
        transaction.commit()
    };
    let mut busy = Busy { lacks: Some(b"multiport\0"), ..Busy::new(Vec::new()) };
    busy.fake.forget_revision(b"multiport", 1, false);
    assert!(matches!(sent(&mut busy, Lists::Weighed { most: 0 }), Err(Halt::Lists(Lists::Xt))));
    assert!(matches!(sent(&mut busy, Lists::Xt), Err(Halt::Lists(Lists::Sets))));
    // The fake kernel takes no sets: they were sent.
    let refused = sent(&mut busy, Lists::Sets);
    assert!(matches!(&refused, Err(Halt::Diagnostics(found)) if found.len() == 2), "{refused:?}");
    busy.lacks = None;
    assert!(sent(&mut busy, Lists::Xt).is_ok());
}
