//! The targets, one line each. Verdicts and chains are not extensions.

crate::registry::extensions! {
    /// A target of a rule.
    Target, TARGETS:
    log::Log,
    mark::Mark,
    tos::Tos,
    dscp::Dscp,
    ttl::Ttl,
    hl::Hl,
    tcpmss::Tcpmss,
    snat::Snat,
    dnat::Dnat,
    masquerade::Masquerade,
    redirect::Redirect,
    netmap::Netmap,
    reject::Reject,
    nflog::Nflog,
    set::Set,
    connmark::Connmark,
    ct::Ct,
    notrack::Notrack,
    nfqueue::Nfqueue,
    tproxy::Tproxy,
    trace::Trace,
    tee::Tee,
    classify::Classify,
    tcpoptstrip::Tcpoptstrip,
    synproxy::Synproxy,
    checksum::Checksum,
}
