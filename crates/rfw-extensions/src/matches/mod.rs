//! The matches, one line each.

crate::registry::extensions! {
    /// A match of a rule.
    Match, MATCHES:
    tcp::Tcp,
    udp::Udp,
    mark::Mark,
    limit::Limit,
    comment::Comment,
}
