//! Packets that a host cannot do without and a base chain drops for sure: the finding, and the rules that let them in.

use rfw_diagnostics::{Code, Diagnostic, FixSafety, Severity, Span};

use crate::Finding;
use crate::checks::Cx;
use crate::conditions::{ESTABLISHED, Key, NEW};
use crate::model::Chain;
use crate::space::{ChainId, Hook, Incomplete, Region, Set};
use crate::world::Decider;

/// The number of ICMPv6 (RFC 4443).
const ICMPV6: u128 = 58;

/// What a finding says.
pub(crate) struct Words {
    /// Its code.
    pub(crate) code: Code,
    /// How bad it is.
    pub(crate) severity: Severity,
    /// What is dropped: `… by the policy` follows.
    pub(crate) message: String,
    /// What follows that.
    pub(crate) rest: &'static str,
    /// The way out; an example packet follows.
    pub(crate) help: String,
    /// Rules that let it in, without `-A CHAIN`.
    pub(crate) rules: Vec<String>,
}

impl<'a> Cx<'a> {
    /// Packets of a base chain of the filter that are not those of `lo`.
    pub(crate) fn beyond_loopback(&self, hook: Hook) -> Region {
        let space = self.space();
        space.not(if hook == Hook::Output { space.outgoing("lo") } else { space.incoming("lo") })
    }

    /// Whether a base chain of the filter may let through anything but what stays on the host: where it doesn't, the family
    /// is turned off on purpose.
    ///
    /// # Errors
    /// The budget is used up.
    pub(crate) fn is_used(&self, base: ChainId, hook: Hook) -> Result<bool, Incomplete> {
        let space = self.space();
        let protocols = space.set(&Key::Protocol, &crate::packets::tcp_udp());
        let states = space.state(&[NEW, ESTABLISHED]);
        space.may_accept(base, space.all_of(&[self.beyond_loopback(hook), protocols, states]))
    }

    /// Whether the host forwards connections, as far as the filter is concerned.
    ///
    /// # Errors
    /// The budget is used up.
    pub(crate) fn forwards(&self) -> Result<bool, Incomplete> {
        let space = self.space();
        let Some((forward, chain)) = self.filter(Hook::Forward) else { return Ok(false) };
        // A chain that nobody touched says nothing.
        if chain.rules.is_empty() {
            return Ok(false);
        }
        space.may_accept(forward, space.state(&[NEW]))
    }

    /// ICMPv6 of some types and codes.
    pub(crate) fn icmpv6(&self, kinds: &Set) -> Region {
        let space = self.space();
        space.and(space.one(&Key::Protocol, ICMPV6), space.set(&Key::SourcePort, kinds))
    }

    /// The finding about packets that a base chain drops for sure.
    ///
    /// # Errors
    /// The budget is used up.
    pub(crate) fn lost(
        &self,
        (base, chain): (ChainId, &Chain),
        lost: Region,
        words: Words,
    ) -> Result<Finding, Incomplete> {
        let space = self.space();
        let lost = space.and(lost, space.entry(base));
        let decider = self.dropper(base, lost)?;
        let placed = match decider {
            Some(Decider::Rule(id)) => self.model.rule(id).map(|placed| (id, placed)),
            _ => None,
        };
        let (span, by) = match placed {
            Some((id, placed)) => (placed.span, self.line(id, placed)),
            None => (self.dropping(chain), "the policy".to_owned()),
        };
        let example = self.example("dropped", lost)?;
        let message = format!("{} by {by}{}", words.message, words.rest);
        let mut found = Diagnostic::new(words.code, words.severity, span, message)
            .help(format!("{}{example}", words.help));
        if let Some(at) = self.place_before(decider, base, chain) {
            let lines = words.rules.iter().map(|rule| format!("-A {} {rule}\n", chain.shown()));
            found = found.fix(at, lines.collect::<String>(), FixSafety::Unsafe);
        }
        Ok(match placed {
            Some((id, _)) => Finding::about(found, self.model, id).shows(self, example.packet()),
            None => Finding::chain(found, self.model, base.table, base.chain).shows(self, example.packet()),
        })
    }

    /// Where new rules of a base chain go so that they come before what drops.
    pub(crate) fn place_before(&self, by: Option<Decider>, base: ChainId, chain: &Chain) -> Option<Span> {
        let own = |id: &crate::RuleId| id.table == base.table && id.chain == base.chain;
        let at = match by {
            Some(Decider::Rule(id)) if own(&id) => self.whole_line(chain.rules.get(id.rule)?.span)?.start,
            Some(Decider::Policy) => self.whole_line(chain.rules.last()?.span)?.end,
            _ => self.whole_line(chain.rules.first()?.span)?.start,
        };
        Some(Span { start: at, end: at })
    }
}
