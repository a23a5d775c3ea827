//! The way of a finding's example packet through the rules of one base chain: the story behind the finding, for formats that
//! can tell one.
//!
//! Followed rule by rule, without the analysis. A rule that chance decides is taken to match if the finding is about it, else
//! not; only if the packet does not come to the finding's rule that way, all of them are.

use rfw_diagnostics::Span;
use rfw_space::{Chance, Trace, Verdict};

use crate::checks::Cx;
use crate::conditions::{Key, Outcome};
use crate::model::{Policy, RuleId};
use crate::space::{ChainId, Hook, Incomplete, Packet, Region};
use crate::{Finding, Model};

/// Stops that are told of one packet; a long list of rules that only count is not.
const STOPS: usize = 100;
/// Dead rules of one text for which a packet is followed.
const DEAD: usize = 100;

/// An example packet and where it comes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    /// The packet, as messages write it.
    pub packet: String,
    /// In the order of the packet's way: the chain that it enters, the rules that it satisfies, what ends it.
    pub stops: Vec<Stop>,
}

/// A place on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// The place; `None` for a base chain that the text doesn't mention.
    pub span: Option<Span>,
    /// `filter/INPUT/4`, or without the number for a chain.
    pub name: String,
    /// What happens there.
    pub text: String,
}

/// A packet that a message shows, with what becomes of it: `; dropped: tcp …`. Nothing where there is none.
pub(crate) struct Example {
    word: &'static str,
    packet: Option<Packet>,
}

impl Example {
    /// The packet.
    pub(crate) fn packet(&self) -> Option<&Packet> {
        self.packet.as_ref()
    }
}

impl std::fmt::Display for Example {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.packet {
            Some(packet) => write!(f, "; {}: {packet}", self.word),
            None => Ok(()),
        }
    }
}

impl Cx<'_> {
    /// An example of some packets, to be put behind a message.
    ///
    /// # Errors
    /// The budget is used up.
    pub(crate) fn example(&self, word: &'static str, packets: Region) -> Result<Example, Incomplete> {
        Ok(Example { word, packet: self.space().witness(packets)? })
    }
}

impl Finding {
    /// Adds the way of the packet that the message shows, if ways are wanted.
    #[must_use]
    pub(crate) fn shows<'p>(mut self, cx: &Cx<'_>, packet: impl Into<Option<&'p Packet>>) -> Self {
        if let Some(packet) = packet.into().filter(|_| cx.walks) {
            self.walk = walk(cx, &self, packet).ok().flatten();
        }
        self
    }

    /// The same where it is known which base chain the message is about.
    #[must_use]
    pub(crate) fn shows_at<'p>(
        mut self,
        cx: &Cx<'_>,
        base: ChainId,
        packet: impl Into<Option<&'p Packet>>,
    ) -> Self {
        if let Some(packet) = packet.into().filter(|_| cx.walks) {
            let trace = follow(cx, base, packet, rule_of(&self, cx.model));
            self.walk = Some(told(cx, base, packet, &trace));
        }
        self
    }
}

/// Adds to findings about dead rules the way of a packet that such a rule asks for: what decides it first.
pub(crate) fn of_the_dead(cx: &Cx<'_>, findings: &mut [Finding]) {
    let mut left = DEAD;
    for finding in findings.iter_mut().filter(|f| f.walk.is_none()) {
        let Some(id) = rule_of(finding, cx.model) else { continue };
        if left > 0 && cx.deaths().contains_key(&id) {
            left -= 1;
            finding.walk = to_dead(cx, id).ok().flatten();
        }
    }
}

fn to_dead(cx: &Cx<'_>, id: RuleId) -> Result<Option<Walk>, Incomplete> {
    let space = cx.space();
    for base in bases(cx, Some(id.table)) {
        if !cx.below(base).contains(&id.chain) {
            continue;
        }
        let asked = space.and(space.matched(id), space.entry(base));
        let news = space.and(asked, space.one(&Key::State, crate::conditions::NEW));
        let asked = if space.is_empty(news)? { asked } else { news };
        let Some(packet) = space.witness(asked)? else { continue };
        let trace = follow(cx, base, &packet, None);
        if !trace.hits.is_empty() && !trace.hits.contains(&id) {
            return Ok(Some(told(cx, base, &packet, &trace)));
        }
    }
    Ok(None)
}

fn rule_of(finding: &Finding, model: &Model) -> Option<RuleId> {
    let (table, own) = model.table(finding.table.as_deref()?)?;
    let chain = own.position(finding.chain.as_deref()?.as_bytes())?;
    Some(RuleId { table, chain, rule: finding.rule?.checked_sub(1)? })
}

/// The base chains of a table, or of all, in the order in which packets meet their hooks.
fn bases(cx: &Cx<'_>, table: Option<usize>) -> Vec<ChainId> {
    let all = [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting];
    let mut found = Vec::new();
    for hook in all {
        for (at, own) in cx.model.tables.iter().enumerate() {
            let chain =
                own.chains.iter().position(|c| c.policy.is_some() && Hook::named(&c.name) == Some(hook));
            found.extend(chain.map(|chain| ChainId { table: at, chain }));
        }
    }
    found.retain(|base| table.is_none_or(|table| base.table == table));
    found
}

/// The way through the base chain that tells most about a finding, of those that the packet can enter: one that leads to the
/// finding's rule, else to its chain, else one of its table, else one of the filter.
fn walk(cx: &Cx<'_>, finding: &Finding, packet: &Packet) -> Result<Option<Walk>, Incomplete> {
    let own = rule_of(finding, cx.model);
    let table = finding.table.as_deref().and_then(|name| cx.model.table(name));
    let chain = finding.chain.as_deref().and_then(|name| table?.1.position(name.as_bytes()));
    let mut best: Option<(u8, ChainId, Trace)> = None;
    for base in bases(cx, None) {
        if !cx.space().contains(cx.space().entry(base), packet)? {
            continue;
        }
        let trace = follow(cx, base, packet, own);
        let same = table.is_some_and(|(at, _)| at == base.table);
        let rank = match own {
            Some(own) if trace.hits.contains(&own) => 4,
            _ if same && chain.is_some_and(|chain| cx.below(base).contains(&chain)) => 3,
            _ if same => 2,
            _ => u8::from(cx.model.tables[base.table].name == "filter"),
        };
        if best.as_ref().is_none_or(|(other, ..)| rank > *other) {
            best = Some((rank, base, trace));
        }
    }
    Ok(best.map(|(_, base, trace)| told(cx, base, packet, &trace)))
}

fn follow(cx: &Cx<'_>, base: ChainId, packet: &Packet, own: Option<RuleId>) -> Trace {
    let space = cx.space();
    let trace =
        space.trace(base, packet, &mut |chance| matches!(chance, Chance::Rule(id) if Some(id) == own));
    match own {
        Some(own) if !trace.hits.contains(&own) => {
            let all = space.trace(base, packet, &mut |chance| matches!(chance, Chance::Rule(_)));
            if all.hits.contains(&own) { all } else { trace }
        }
        _ => trace,
    }
}

fn told(cx: &Cx<'_>, base: ChainId, packet: &Packet, trace: &Trace) -> Walk {
    let model = cx.model;
    let name = |id: ChainId| {
        let table = model.tables.get(id.table);
        let chain = table.and_then(|t| t.chains.get(id.chain));
        format!("{}/{}", table.map_or("", |t| t.name), chain.map_or(String::new(), |c| c.shown()))
    };
    let of_chain = |text: String| {
        let chain = model.tables.get(base.table).and_then(|t| t.chains.get(base.chain));
        Stop { span: chain.and_then(|c| c.span), name: name(base), text }
    };
    let mut stops = vec![of_chain(format!("{packet} enters {}", name(base).replace('/', " ")))];
    let cut = trace.hits.len().saturating_sub(STOPS);
    for (at, &id) in trace.hits.iter().enumerate() {
        if cut > 0 && at == STOPS - 1 {
            stops.push(of_chain(format!("{cut} more rules match")));
        }
        let skipped = STOPS - 1..STOPS - 1 + cut;
        let Some(placed) = model.rule(id).filter(|_| !skipped.contains(&at)) else { continue };
        stops.push(Stop {
            span: Some(placed.span),
            name: format!("{}/{}", name(ChainId { table: id.table, chain: id.chain }), id.rule + 1),
            text: what(&placed.conditions.outcome),
        });
    }
    let judged = |id: &RuleId| {
        let outcome = model.rule(*id).map(|placed| &placed.conditions.outcome);
        matches!(outcome, Some(Outcome::Accept | Outcome::Drop | Outcome::Ends | Outcome::Unknown))
    };
    if !trace.hits.last().is_some_and(judged) {
        let policy =
            model.tables.get(base.table).and_then(|t| t.chains.get(base.chain)).and_then(|c| c.policy);
        let policy = if policy == Some(Policy::Drop) { "DROP" } else { "ACCEPT" };
        stops.push(of_chain(match trace.verdict {
            Verdict::Unknown => "what becomes of it is not known".to_owned(),
            Verdict::Drop => format!("no rule decides: dropped by the policy {policy}"),
            Verdict::Accept => format!("no rule decides: accepted by the policy {policy}"),
        }));
    }
    Walk { packet: packet.to_string(), stops }
}

fn what(outcome: &Outcome) -> String {
    let name = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    match outcome {
        Outcome::Continue => "matches, and goes on".to_owned(),
        Outcome::Accept => "accepted".to_owned(),
        Outcome::Drop => "dropped".to_owned(),
        Outcome::Return => "returns".to_owned(),
        Outcome::Jump(to) => format!("jumps to {}", name(to)),
        Outcome::Goto(to) => format!("goes to {}", name(to)),
        Outcome::Ends => "decided by the target".to_owned(),
        Outcome::Unknown => "what the rule does is not known".to_owned(),
    }
}
