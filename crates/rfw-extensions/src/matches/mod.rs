//! The matches, one line each.

crate::registry::extensions! {
    /// A match of a rule.
    Match, MATCHES:
    tcp::Tcp,
    udp::Udp,
    mark::Mark,
    tos::Tos,
    dscp::Dscp,
    owner::Owner,
    statistic::Statistic,
    limit::Limit,
    comment::Comment,
    conntrack::Conntrack,
    state::State,
}
