//! The registry of stable codes.
//!
//! A number and its name never change their meaning and are never given twice; a code that is retired stays listed.
//! 100-149 and 200-899 are the checks of `rfw lint`, 150-199 what the grammar, the tables or the kernel refuse.

use crate::Code;

macro_rules! codes {
    ($($constant:ident = $number:literal, $name:literal;)*) => {
        $(
            #[doc = concat!("RFW", $number, " `", $name, "`.")]
            pub const $constant: Code = Code::new($number, $name);
        )*

        /// Every code, by number.
        pub const ALL: &[Code] = &[$($constant),*];
    };
}

codes! {
    // Syntax; from 150 on what the grammar itself and the kernel refuse.
    UNICODE_DASH = 101, "unicode-dash";
    TYPOGRAPHIC_QUOTE = 102, "typographic-quote";
    UNKNOWN_TARGET = 103, "unknown-target";
    UNDEFINED_CHAIN = 104, "undefined-chain";
    MISSING_OPTION_VALUE = 105, "missing-option-value";
    PORT_WITHOUT_PROTOCOL = 106, "port-without-protocol";
    PORT_LIST_NEEDS_MULTIPORT = 107, "port-list-needs-multiport";
    BROKEN_LIST = 108, "broken-list";
    RESTORE_FRAMING = 109, "restore-framing";
    CRLF_LINE_ENDING = 110, "crlf-line-ending";
    INLINE_COMMENT = 111, "inline-comment";
    DUPLICATE_TABLE_BLOCK = 112, "duplicate-table-block";
    OCTAL_OCTET = 113, "octal-octet";
    HOST_BITS_SET = 114, "host-bits-set";
    ZERO_ADDRESS_WITHOUT_MASK = 115, "zero-address-without-mask";
    PARTIAL_ADDRESS = 116, "partial-address";
    LOG_PREFIX_TRUNCATED = 117, "log-prefix-truncated";
    RULE_WITHOUT_TARGET = 118, "rule-without-target";
    IMPLICIT_LIMIT_RATE = 119, "implicit-limit-rate";
    OLD_NEGATION_ORDER = 120, "old-negation-order";
    INTERFACE_NAME_PATTERN = 121, "interface-name-pattern";
    TARGET_INVALID_HERE = 122, "target-invalid-here";
    USER_CHAIN_POLICY = 123, "user-chain-policy";
    NEGATED_PROTOCOL_WITH_PORT = 124, "negated-protocol-with-port";
    HOSTNAME_IN_RULE = 125, "hostname-in-rule";
    CHAIN_STILL_REFERENCED = 126, "chain-still-referenced";
    JOINED_COMMANDS = 127, "joined-commands";
    UNUSED_SUPPRESSION = 128, "unused-suppression";
    SUPPRESSION_WITHOUT_REASON = 129, "suppression-without-reason";
    NOT_FOLLOWED = 130, "not-followed";
    UNKNOWN_OPTION = 150, "unknown-option";
    BAD_VALUE = 151, "bad-value";
    UNKNOWN_MATCH = 152, "unknown-match";
    UNKNOWN_TABLE = 153, "unknown-table";
    OPTION_REPEATED = 154, "option-repeated";
    OPTION_NOT_INVERTIBLE = 155, "option-not-invertible";
    OPTIONS_EXCLUSIVE = 156, "options-exclusive";
    OPTION_REQUIRED = 157, "option-required";
    STRAY_WORD = 158, "stray-word";
    UNKNOWN_PROTOCOL = 159, "unknown-protocol";
    MATCH_NEEDS_PROTOCOL = 160, "match-needs-protocol";
    BAD_CHAIN_NAME = 161, "bad-chain-name";
    BAD_RULE_NUMBER = 162, "bad-rule-number";
    BAD_POLICY = 163, "bad-policy";
    COMMANDS_EXCLUSIVE = 164, "commands-exclusive";
    NO_COMMAND = 165, "no-command";
    OPTION_NOT_WITH_COMMAND = 166, "option-not-with-command";
    BAD_COUNTERS = 167, "bad-counters";
    MISPLACED_NEGATION = 168, "misplaced-negation";
    WORD_TOO_LONG = 169, "word-too-long";
    KERNEL_REFUSED = 170, "kernel-refused";
    NO_SUCH_RULE = 171, "no-such-rule";
    NO_SUCH_CHAIN = 172, "no-such-chain";
    CHAIN_EXISTS = 173, "chain-exists";
    FOREIGN_RULE = 174, "foreign-rule";
    NOT_NATIVE = 175, "not-native";
    NO_SUCH_SET = 176, "no-such-set";
    RULE_NUMBER_TOO_BIG = 177, "rule-number-too-big";
    CHAIN_IN_USE = 178, "chain-in-use";
    NOT_PERMITTED = 179, "not-permitted";
    UNREADABLE_INPUT = 180, "unreadable-input";
    OPTION_NOT_IN_CHAIN = 181, "option-not-in-chain";
    UNRESOLVED_HOST = 182, "unresolved-host";
    INVERTED_RANGE = 183, "inverted-range";
    WEIRD_INTERFACE_NAME = 184, "weird-interface-name";
    // Connection tracking.
    MISSING_ESTABLISHED = 201, "missing-established";
    RELATED_ICMP_DROPPED = 202, "related-icmp-dropped";
    INVALID_ACCEPTED = 203, "invalid-accepted";
    CTSTATE_IN_RAW = 204, "ctstate-in-raw";
    STATE_MATCH_DEPRECATED = 205, "state-match-deprecated";
    REDUNDANT_ESTABLISHED = 206, "redundant-established";
    NEW_WITHOUT_SYN = 207, "new-without-syn";
    RECENT_NEVER_SET = 208, "recent-never-set";
    RECENT_HITCOUNT_TOO_LARGE = 209, "recent-hitcount-too-large";
    RATE_LIMIT_UNREACHABLE = 210, "rate-limit-unreachable";
    CONNLIMIT_WITHOUT_NEW = 211, "connlimit-without-new";
    CONNLIMIT_WITHOUT_PROTOCOL = 212, "connlimit-without-protocol";
    FTP_WITHOUT_HELPER = 213, "ftp-without-helper";
    ESTABLISHED_IN_NAT = 214, "established-in-nat";
    NOTRACK_REPLIES_DROPPED = 215, "notrack-replies-dropped";
    CONNTRACK_CAPACITY = 216, "conntrack-capacity";
    RECENT_LIST_SHARED = 217, "recent-list-shared";
    // Order and reachability.
    SHADOWED_RULE = 301, "shadowed-rule";
    REDUNDANT_RULE = 302, "redundant-rule";
    UNSATISFIABLE_RULE = 303, "unsatisfiable-rule";
    RULES_AFTER_CATCH_ALL = 304, "rules-after-catch-all";
    DUPLICATE_RULE = 305, "duplicate-rule";
    UNUSED_CHAIN = 306, "unused-chain";
    NO_EFFECT_JUMP = 307, "no-effect-jump";
    CHAIN_LOOP = 308, "chain-loop";
    INTERFACE_NEVER_SET = 309, "interface-never-set";
    ORDER_SENSITIVE_OVERLAP = 310, "order-sensitive-overlap";
    GOTO_SKIPS_REST = 311, "goto-skips-rest";
    FRAGMENT_MATCH_DEAD = 312, "fragment-match-dead";
    INSERT_REVERSES_ORDER = 313, "insert-reverses-order";
    ANALYSIS_INCOMPLETE = 314, "analysis-incomplete";
    // Address translation and forwarding.
    DNAT_WITHOUT_FORWARD = 401, "dnat-without-forward";
    FORWARD_USES_ORIGINAL_PORT = 402, "forward-uses-original-port";
    DNAT_TOO_BROAD = 403, "dnat-too-broad";
    MASQUERADE_WITHOUT_OIF = 404, "masquerade-without-oif";
    MASQUERADE_WITHOUT_FORWARD = 405, "masquerade-without-forward";
    FORWARD_ONE_WAY = 406, "forward-one-way";
    IP_FORWARD_OFF = 407, "ip-forward-off";
    REDIRECT_WITHOUT_INPUT = 408, "redirect-without-input";
    INPUT_RULE_BYPASSED_BY_DNAT = 409, "input-rule-bypassed-by-dnat";
    INVALID_LEAVES_UNTRANSLATED = 410, "invalid-leaves-untranslated";
    ROUTER_FORWARDS_EVERYTHING = 411, "router-forwards-everything";
    // Logging and limits.
    LOG_WITHOUT_LIMIT = 501, "log-without-limit";
    LOG_AFTER_VERDICT = 502, "log-after-verdict";
    LOG_PREFIX_STYLE = 503, "log-prefix-style";
    LIMIT_WITHOUT_DROP = 504, "limit-without-drop";
    LIMIT_ON_DROP = 505, "limit-on-drop";
    HASHLIMIT_INVERTED = 506, "hashlimit-inverted";
    GLOBAL_LIMIT_ON_SERVICE = 507, "global-limit-on-service";
    LOGS_ESTABLISHED = 508, "logs-established";
    // Exposure.
    INPUT_OPEN_BY_DEFAULT = 601, "input-open-by-default";
    SENSITIVE_SERVICE_EXPOSED = 602, "sensitive-service-exposed";
    AMPLIFIER_EXPOSED = 603, "amplifier-exposed";
    SOURCE_PORT_TRUST = 604, "source-port-trust";
    MANAGEMENT_LOCKOUT = 605, "management-lockout";
    LOCKOUT_WINDOW = 606, "lockout-window";
    LOOPBACK_DROPPED = 607, "loopback-dropped";
    OUTPUT_DROP_WITHOUT_DNS = 608, "output-drop-without-dns";
    SPOOFABLE_SOURCE_TRUST = 609, "spoofable-source-trust";
    SPOOFING_NOT_PREVENTED = 610, "spoofing-not-prevented";
    ICMP_PMTU_BLOCKED = 611, "icmp-pmtu-blocked";
    RULES_FILE_PERMISSIONS = 612, "rules-file-permissions";
    // Cost.
    ESTABLISHED_ACCEPT_LATE = 701, "established-accept-late";
    COLLAPSE_TO_SET = 702, "collapse-to-set";
    COLLAPSE_PORTS = 703, "collapse-ports";
    LONG_LINEAR_PATH = 704, "long-linear-path";
    // Two families and the host.
    IPV6_UNFILTERED = 801, "ipv6-unfiltered";
    V4_V6_MISMATCH = 802, "v4-v6-mismatch";
    NEIGHBOUR_DISCOVERY_BLOCKED = 803, "neighbour-discovery-blocked";
    ICMPV6_ERRORS_BLOCKED = 804, "icmpv6-errors-blocked";
    DHCPV6_CLIENT_BLOCKED = 805, "dhcpv6-client-blocked";
    WRONG_ICMP_FAMILY = 806, "wrong-icmp-family";
    JUMP_DEPTH = 807, "jump-depth";
    EXTENSION_UNAVAILABLE = 808, "extension-unavailable";
    UNKNOWN_IPSET = 809, "unknown-ipset";
    NOTRACK_TARGET = 810, "notrack-target";
    TIME_MATCH_IS_UTC = 811, "time-match-is-utc";
    OBSOLETE_OPTION = 812, "obsolete-option";
    MIXED_BACKENDS = 813, "mixed-backends";
    NON_ATOMIC_SCRIPT = 814, "non-atomic-script";
    BOOT_FILE_DRIFT = 815, "boot-file-drift";
}

/// The code with a number.
#[must_use]
pub fn by_number(number: u16) -> Option<Code> {
    let at = ALL.binary_search_by_key(&number, |code| code.number).ok()?;
    ALL.get(at).copied()
}

/// The code that a person wrote: `RFW103`, `rfw103`, `103` or `unknown-target`.
#[must_use]
pub fn by_text(text: &str) -> Option<Code> {
    let digits = match text.get(..3) {
        Some(head) if head.eq_ignore_ascii_case("RFW") => &text[3..],
        _ => text,
    };
    match digits.parse() {
        Ok(number) => by_number(number),
        Err(_) => ALL.iter().find(|code| code.name == text).copied(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn numbers_and_names_are_given_once() {
        assert!(ALL.is_sorted_by(|a, b| a.number < b.number));
        let names: HashSet<_> = ALL.iter().map(|code| code.name).collect();
        assert_eq!(names.len(), ALL.len());
        for code in ALL {
            assert!((100..1000).contains(&code.number), "{code}");
            let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(code.name.chars().all(kebab), "{}", code.name);
        }
        // The 107 of the catalogue, and 128, 129, 130 and 314.
        let lint = ALL.iter().filter(|c| !(150..200).contains(&c.number));
        assert_eq!(lint.count(), 111);
    }

    #[test]
    fn found_by_what_people_write() {
        for text in ["RFW103", "rfw103", "103", "unknown-target"] {
            assert_eq!(by_text(text), Some(UNKNOWN_TARGET), "{text}");
        }
        for text in ["", "RFW", "RFW999", "é103", "RFW-1", "unknown"] {
            assert_eq!(by_text(text), None, "{text}");
        }
    }
}
