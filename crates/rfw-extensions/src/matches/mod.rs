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
    set::Set,
    limit::Limit,
    comment::Comment,
    conntrack::Conntrack,
    state::State,
    connmark::Connmark,
    connlimit::Connlimit,
    recent::Recent,
    icmp::Icmp,
    icmp6::Icmp6,
    ttl::Ttl,
    hl::Hl,
    pkttype::Pkttype,
    mac::Mac,
    length::Length,
    multiport::Multiport,
    iprange::Iprange,
    addrtype::Addrtype,
    string::StringMatch,
    time::Time,
}
