//! The checks: one file each, whose head is its page.
//!
//! A check asks the model and its facts; it never looks at the name of an extension.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use rfw_diagnostics::{Code, Severity, Source, SourceKind, Span, codes};

use crate::Finding;
use crate::conditions::Outcome;
use crate::dead::Death;
use crate::facts::Facts;
use crate::mend::{Broken, Mended};
use crate::model::{Chain, Model, Placed, Policy, RuleId};
use crate::space::Space;
use crate::written::WrittenCheck;

/// Rules that a message names at most.
pub(crate) const SHOWN: usize = 5;

/// What checks may ask.
pub struct Cx<'a> {
    /// The ruleset.
    pub model: &'a Model,
    /// Its text.
    pub source: &'a Source,
    /// What is known besides.
    pub facts: &'a Facts,
    /// The ruleset of the other family of the same host, where both were given.
    sibling: Option<(&'a Model, &'a Source)>,
    /// What the next start of the host will load, for the running ruleset.
    pub(crate) boot: Option<(&'a Model, &'a Source)>,
    /// Whether findings get the ways of their packets.
    pub(crate) walks: bool,
    /// Sets of packets, once a check asked.
    space: OnceCell<Space>,
    /// Rules that are like an earlier one.
    copies: OnceCell<BTreeMap<RuleId, RuleId>>,
    /// Rules that can never match, and why.
    deaths: OnceCell<BTreeMap<RuleId, Death>>,
}

impl<'a> Cx<'a> {
    /// Over a ruleset.
    #[must_use]
    pub fn new(
        model: &'a Model,
        source: &'a Source,
        facts: &'a Facts,
        sibling: Option<(&'a Model, &'a Source)>,
    ) -> Self {
        Self {
            model,
            source,
            facts,
            sibling,
            boot: None,
            walks: false,
            space: OnceCell::new(),
            copies: OnceCell::new(),
            deaths: OnceCell::new(),
        }
    }

    /// The ruleset of the other family of the same host and its text, where both were given.
    #[must_use]
    pub fn sibling_family(&self) -> Option<(&'a Model, &'a Source)> {
        self.sibling
    }

    /// What the ruleset does with every packet; see [`crate::space`].
    #[must_use]
    pub fn space(&self) -> &Space {
        self.space.get_or_init(|| crate::space::space(self.model, self.facts))
    }

    /// The analysis, if a check has asked for it.
    pub(crate) fn space_if_made(&self) -> Option<&Space> {
        self.space.get()
    }

    /// Rules that ask and do what an earlier rule of their chain did, which is the value.
    pub(crate) fn copies(&self) -> &BTreeMap<RuleId, RuleId> {
        self.copies.get_or_init(|| crate::copies::copies(self))
    }

    /// Rules that can never match, each with its one cause.
    pub(crate) fn deaths(&self) -> &BTreeMap<RuleId, Death> {
        self.deaths.get_or_init(|| crate::dead::deaths(self))
    }

    /// Whether a rule can never match, or is like an earlier one: then it has a finding.
    pub(crate) fn is_reported(&self, id: RuleId) -> bool {
        self.copies().contains_key(&id) || self.deaths().contains_key(&id)
    }

    /// How a message names rules: `line 7`, `lines 7 and 8`, `lines 1, 2, 3, 4, 5 and 17 more`.
    pub(crate) fn lines(&self, ids: &[RuleId]) -> String {
        let live = self.source.kind == SourceKind::Live;
        let number = |id: &RuleId| match self.model.rule(*id) {
            Some(_) if live => id.rule + 1,
            Some(placed) => self.source.line_column(placed.span.start).line,
            None => 0,
        };
        let word = if live { "rule" } else { "line" };
        let mut numbers: Vec<usize> = ids.iter().map(number).collect();
        numbers.dedup();
        let shown: Vec<String> = numbers.iter().take(SHOWN).map(ToString::to_string).collect();
        match (shown.as_slice(), numbers.len().saturating_sub(SHOWN)) {
            ([], _) => "earlier rules".to_owned(),
            ([one], _) => format!("{word} {one}"),
            ([first @ .., last], 0) => format!("{word}s {} and {last}", first.join(", ")),
            (all, more) => format!("{word}s {} and {more} more", all.join(", ")),
        }
    }

    /// How a message names a rule: by its line, or by its number where nobody sees the lines.
    pub(crate) fn line(&self, id: RuleId, placed: &Placed) -> String {
        if self.source.kind == SourceKind::Live {
            return format!("rule {}", id.rule + 1);
        }
        let line = |at: Span| self.source.line_column(at.start).line;
        match placed.step.and_then(|step| self.model.steps.get(step)?.called) {
            Some(call) => format!("line {} (called in line {})", line(placed.span), line(call)),
            None => format!("line {}", line(placed.span)),
        }
    }

    /// The whole line of a rule, with its end, where the text has one rule a line and nothing else on it.
    pub(crate) fn whole_line(&self, span: Span) -> Option<Span> {
        let text = &self.source.text;
        if self.source.kind != SourceKind::File || self.model.input != crate::Input::Save {
            return None;
        }
        let (from, to) = (usize::try_from(span.start).ok()?, usize::try_from(span.end).ok()?);
        let start = text.get(..from)?.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        let end = text.get(to..)?.iter().position(|&b| b == b'\n').map_or(text.len(), |at| to + at + 1);
        Some(Span::new(start, end))
    }

    /// The other rule of the same chain.
    fn sibling(&self, id: RuleId, rule: usize) -> Option<&'a Placed> {
        self.model.rule(RuleId { rule, ..id })
    }

    /// What to blame for the packets that a base chain drops: its policy, or its last rule that drops.
    pub(crate) fn dropping(&self, chain: &Chain) -> Span {
        let last = chain.rules.iter().rev().find(|r| r.conditions.outcome == Outcome::Drop);
        let (policy, rule) = (chain.span, last.map(|r| r.span));
        let first_choice = if chain.policy == Some(Policy::Drop) { policy } else { rule };
        first_choice.or(rule).or(policy).unwrap_or_else(|| self.start())
    }

    /// The first line, where nothing smaller is to blame.
    fn start(&self) -> Span {
        Span::new(0, self.source.text.iter().position(|&b| b == b'\n').unwrap_or(self.source.text.len()))
    }
}

/// One check.
pub struct Check {
    /// Its stable code and name.
    pub code: Code,
    /// How bad its findings are.
    pub severity: Severity,
    /// The head of the file, which is the page.
    head: &'static str,
    /// Adds its findings to those there are, and help to those of its code that the grammar has made.
    pub run: fn(&Cx<'_>, &mut Vec<Finding>),
}

/// How long the lines are with which a source file begins and that describe it.
const fn head_len(source: &str) -> usize {
    let bytes = source.as_bytes();
    let (mut at, mut line) = (0, 0);
    while at < bytes.len() {
        let sign = if at - line < 3 { b"//!"[at - line] } else { bytes[at] };
        if bytes[at] != sign {
            return line;
        }
        at += 1;
        if bytes[at - 1] == b'\n' {
            line = at;
        }
    }
    at
}

/// These lines.
const fn head<const LEN: usize>(source: &str) -> [u8; LEN] {
    let mut head = [0; LEN];
    let mut at = 0;
    while at < LEN {
        head[at] = source.as_bytes()[at];
        at += 1;
    }
    head
}

macro_rules! checks {
    ($($module:ident = $code:ident, $severity:ident;)*) => {
        $(pub mod $module;)*

        /// All checks, by code.
        pub const CHECKS: &[Check] = &[$(Check {
            code: codes::$code,
            severity: Severity::$severity,
            head: {
                const SOURCE: &str = include_str!(concat!(stringify!($module), ".rs"));
                // A copy: the program would hold the whole file otherwise.
                const HEAD: [u8; head_len(SOURCE)] = head(SOURCE);
                match str::from_utf8(&HEAD) {
                    Ok(head) => head,
                    Err(_) => "",
                }
            },
            run: $module::run,
        }),*];
    };
}

checks! {
    unicode_dash = UNICODE_DASH, Error;
    typographic_quote = TYPOGRAPHIC_QUOTE, Error;
    unknown_target = UNKNOWN_TARGET, Error;
    undefined_chain = UNDEFINED_CHAIN, Error;
    missing_option_value = MISSING_OPTION_VALUE, Error;
    port_without_protocol = PORT_WITHOUT_PROTOCOL, Error;
    port_list_needs_multiport = PORT_LIST_NEEDS_MULTIPORT, Error;
    broken_list = BROKEN_LIST, Error;
    restore_framing = RESTORE_FRAMING, Error;
    crlf_line_ending = CRLF_LINE_ENDING, Error;
    inline_comment = INLINE_COMMENT, Error;
    duplicate_table_block = DUPLICATE_TABLE_BLOCK, Error;
    octal_octet = OCTAL_OCTET, Warn;
    host_bits_set = HOST_BITS_SET, Warn;
    zero_address_without_mask = ZERO_ADDRESS_WITHOUT_MASK, Error;
    partial_address = PARTIAL_ADDRESS, Warn;
    log_prefix_truncated = LOG_PREFIX_TRUNCATED, Warn;
    rule_without_target = RULE_WITHOUT_TARGET, Info;
    implicit_limit_rate = IMPLICIT_LIMIT_RATE, Warn;
    old_negation_order = OLD_NEGATION_ORDER, Error;
    interface_name_pattern = INTERFACE_NAME_PATTERN, Warn;
    target_invalid_here = TARGET_INVALID_HERE, Error;
    user_chain_policy = USER_CHAIN_POLICY, Error;
    negated_protocol_with_port = NEGATED_PROTOCOL_WITH_PORT, Error;
    hostname_in_rule = HOSTNAME_IN_RULE, Warn;
    chain_still_referenced = CHAIN_STILL_REFERENCED, Error;
    joined_commands = JOINED_COMMANDS, Error;
    unused_suppression = UNUSED_SUPPRESSION, Warn;
    suppression_without_reason = SUPPRESSION_WITHOUT_REASON, Warn;
    not_followed = NOT_FOLLOWED, Info;
    missing_established = MISSING_ESTABLISHED, Error;
    related_icmp_dropped = RELATED_ICMP_DROPPED, Warn;
    invalid_accepted = INVALID_ACCEPTED, Warn;
    ctstate_in_raw = CTSTATE_IN_RAW, Error;
    state_match_deprecated = STATE_MATCH_DEPRECATED, Info;
    redundant_established = REDUNDANT_ESTABLISHED, Info;
    new_without_syn = NEW_WITHOUT_SYN, Info;
    recent_never_set = RECENT_NEVER_SET, Error;
    recent_hitcount_too_large = RECENT_HITCOUNT_TOO_LARGE, Error;
    rate_limit_unreachable = RATE_LIMIT_UNREACHABLE, Error;
    connlimit_without_new = CONNLIMIT_WITHOUT_NEW, Warn;
    connlimit_without_protocol = CONNLIMIT_WITHOUT_PROTOCOL, Info;
    ftp_without_helper = FTP_WITHOUT_HELPER, Warn;
    established_in_nat = ESTABLISHED_IN_NAT, Warn;
    notrack_replies_dropped = NOTRACK_REPLIES_DROPPED, Error;
    conntrack_capacity = CONNTRACK_CAPACITY, Info;
    recent_list_shared = RECENT_LIST_SHARED, Warn;
    shadowed_rule = SHADOWED_RULE, Warn;
    redundant_rule = REDUNDANT_RULE, Info;
    unsatisfiable_rule = UNSATISFIABLE_RULE, Error;
    rules_after_catch_all = RULES_AFTER_CATCH_ALL, Warn;
    duplicate_rule = DUPLICATE_RULE, Warn;
    unused_chain = UNUSED_CHAIN, Info;
    no_effect_jump = NO_EFFECT_JUMP, Info;
    chain_loop = CHAIN_LOOP, Error;
    interface_never_set = INTERFACE_NEVER_SET, Warn;
    order_sensitive_overlap = ORDER_SENSITIVE_OVERLAP, Info;
    goto_skips_rest = GOTO_SKIPS_REST, Warn;
    fragment_match_dead = FRAGMENT_MATCH_DEAD, Warn;
    insert_reverses_order = INSERT_REVERSES_ORDER, Warn;
    analysis_incomplete = ANALYSIS_INCOMPLETE, Warn;
    dnat_without_forward = DNAT_WITHOUT_FORWARD, Error;
    forward_uses_original_port = FORWARD_USES_ORIGINAL_PORT, Error;
    dnat_too_broad = DNAT_TOO_BROAD, Warn;
    masquerade_without_oif = MASQUERADE_WITHOUT_OIF, Warn;
    masquerade_without_forward = MASQUERADE_WITHOUT_FORWARD, Warn;
    forward_one_way = FORWARD_ONE_WAY, Error;
    ip_forward_off = IP_FORWARD_OFF, Info;
    redirect_without_input = REDIRECT_WITHOUT_INPUT, Error;
    input_rule_bypassed_by_dnat = INPUT_RULE_BYPASSED_BY_DNAT, Warn;
    invalid_leaves_untranslated = INVALID_LEAVES_UNTRANSLATED, Warn;
    router_forwards_everything = ROUTER_FORWARDS_EVERYTHING, Warn;
    log_without_limit = LOG_WITHOUT_LIMIT, Warn;
    log_after_verdict = LOG_AFTER_VERDICT, Warn;
    log_prefix_style = LOG_PREFIX_STYLE, Info;
    limit_without_drop = LIMIT_WITHOUT_DROP, Warn;
    limit_on_drop = LIMIT_ON_DROP, Warn;
    hashlimit_inverted = HASHLIMIT_INVERTED, Warn;
    global_limit_on_service = GLOBAL_LIMIT_ON_SERVICE, Info;
    logs_established = LOGS_ESTABLISHED, Warn;
    input_open_by_default = INPUT_OPEN_BY_DEFAULT, Warn;
    sensitive_service_exposed = SENSITIVE_SERVICE_EXPOSED, Warn;
    amplifier_exposed = AMPLIFIER_EXPOSED, Warn;
    source_port_trust = SOURCE_PORT_TRUST, Error;
    management_lockout = MANAGEMENT_LOCKOUT, Error;
    lockout_window = LOCKOUT_WINDOW, Warn;
    loopback_dropped = LOOPBACK_DROPPED, Error;
    output_drop_without_dns = OUTPUT_DROP_WITHOUT_DNS, Warn;
    spoofable_source_trust = SPOOFABLE_SOURCE_TRUST, Info;
    spoofing_not_prevented = SPOOFING_NOT_PREVENTED, Warn;
    icmp_pmtu_blocked = ICMP_PMTU_BLOCKED, Warn;
    rules_file_permissions = RULES_FILE_PERMISSIONS, Warn;
    established_accept_late = ESTABLISHED_ACCEPT_LATE, Info;
    collapse_to_set = COLLAPSE_TO_SET, Info;
    collapse_ports = COLLAPSE_PORTS, Info;
    long_linear_path = LONG_LINEAR_PATH, Info;
    ipv6_unfiltered = IPV6_UNFILTERED, Warn;
    v4_v6_mismatch = V4_V6_MISMATCH, Warn;
    neighbour_discovery_blocked = NEIGHBOUR_DISCOVERY_BLOCKED, Error;
    icmpv6_errors_blocked = ICMPV6_ERRORS_BLOCKED, Error;
    dhcpv6_client_blocked = DHCPV6_CLIENT_BLOCKED, Warn;
    wrong_icmp_family = WRONG_ICMP_FAMILY, Error;
    jump_depth = JUMP_DEPTH, Error;
    extension_unavailable = EXTENSION_UNAVAILABLE, Error;
    unknown_ipset = UNKNOWN_IPSET, Info;
    notrack_target = NOTRACK_TARGET, Info;
    time_match_is_utc = TIME_MATCH_IS_UTC, Info;
    obsolete_option = OBSOLETE_OPTION, Error;
    mixed_backends = MIXED_BACKENDS, Warn;
    non_atomic_script = NON_ATOMIC_SCRIPT, Info;
    boot_file_drift = BOOT_FILE_DRIFT, Warn;
}

impl Check {
    /// Its page's first sentence.
    #[must_use]
    pub fn title(&self) -> String {
        self.paragraph(0)
    }

    /// Why it matters.
    #[must_use]
    pub fn summary(&self) -> String {
        let text = self.paragraph(1);
        text.strip_prefix("**Why.**").map_or(text.as_str(), str::trim_start).to_owned()
    }

    /// A paragraph of the page as one line.
    fn paragraph(&self, index: usize) -> String {
        let head = self.head.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
        let mut paragraphs = vec![String::new()];
        for line in head {
            match (line.is_empty(), paragraphs.last_mut()) {
                (false, Some(last)) if last.is_empty() => last.push_str(line),
                (false, Some(last)) => last.extend([" ", line]),
                _ => paragraphs.push(String::new()),
            }
        }
        paragraphs.into_iter().nth(index).unwrap_or_default()
    }
}

/// What reading and mending a broken line may come to, the first that knows it; see [`crate::mend`].
pub(crate) const MENDS: &[for<'b, 'a> fn(&Broken<'b, 'a>) -> Option<Mended<'a>>] = &[
    unicode_dash::mend,
    joined_commands::mend,
    inline_comment::mend,
    restore_framing::mend,
    old_negation_order::mend,
    broken_list::mend,
    obsolete_option::mend,
    negated_protocol_with_port::mend,
    port_without_protocol::mend,
    port_list_needs_multiport::mend,
    interface_name_pattern::mend,
    extension_unavailable::mend,
    missing_option_value::mend,
    unknown_target::mend,
];

/// The checks of a rule as it was written.
pub(crate) const WRITTEN: &[WrittenCheck] = &[
    octal_octet::look,
    host_bits_set::look,
    zero_address_without_mask::look,
    partial_address::look,
    log_prefix_truncated::look,
    implicit_limit_rate::look,
    interface_name_pattern::look,
    negated_protocol_with_port::look,
    hostname_in_rule::look,
    ctstate_in_raw::look,
    state_match_deprecated::look,
    recent_hitcount_too_large::look,
    established_in_nat::look,
    wrong_icmp_family::look,
    extension_unavailable::look,
    unknown_ipset::look,
    notrack_target::look,
    time_match_is_utc::look,
    obsolete_option::look,
];

/// For checks that find their faults while the text is read.
pub(crate) fn by_reading(_: &Cx<'_>, _: &mut Vec<Finding>) {}

/// The page of a check, as Markdown.
#[must_use]
pub fn page(check: &Check) -> String {
    let head = check.head.lines().map_while(|line| line.strip_prefix("//!"));
    let mut page =
        format!("# {} {}\n\nSeverity: {}.\n\n", check.code, check.code.name, severity(check.severity));
    for line in head {
        page.push_str(line.strip_prefix(' ').unwrap_or(line));
        page.push('\n');
    }
    if check.code.number >= 200 {
        page.push_str(&format!(
            "\nHow: a line `# rfw: allow({0}) reason` directly above, `# rfw: allow-file({0}) reason` for the whole file, or\n\
             `-m comment --comment \"rfw:allow={0} reason\"` in the rule.\n",
            check.code
        ));
    }
    page
}

/// The word for a severity.
#[must_use]
pub fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warn => "warn",
        Severity::Error => "error",
    }
}
