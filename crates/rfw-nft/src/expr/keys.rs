//! The words that libnftnl's listings use for keys and flags.

/// Word for a `meta` key.
pub(super) fn meta(key: u32) -> &'static str {
    const WORDS: [&str; 35] = [
        "len",
        "protocol",
        "priority",
        "mark",
        "iif",
        "oif",
        "iifname",
        "oifname",
        "iiftype",
        "oiftype",
        "skuid",
        "skgid",
        "nftrace",
        "rtclassid",
        "secmark",
        "nfproto",
        "l4proto",
        "bri_iifname",
        "bri_oifname",
        "pkttype",
        "cpu",
        "iifgroup",
        "oifgroup",
        "cgroup",
        "prandom",
        "secpath",
        "iifkind",
        "oifkind",
        "bri_iifpvid",
        "bri_iifvproto",
        "time",
        "day",
        "hour",
        "sdif",
        "sdifname",
    ];
    word(&WORDS, key)
}

/// Word for a `ct` key.
pub(super) fn ct(key: u32) -> &'static str {
    const WORDS: [&str; 24] = [
        "state",
        "direction",
        "status",
        "mark",
        "secmark",
        "expiration",
        "helper",
        "l3protocol",
        "src",
        "dst",
        "protocol",
        "proto_src",
        "proto_dst",
        "label",
        "packets",
        "bytes",
        "avgpkt",
        "zone",
        "event",
        "src_ip",
        "dst_ip",
        "src_ip6",
        "dst_ip6",
        "id",
    ];
    word(&WORDS, key)
}

/// Word for an `rt` key.
pub(super) fn rt(key: u32) -> &'static str {
    word(&["classid", "nexthop4", "nexthop6", "tcpmss", "ipsec"], key)
}

/// Word for a `fib` result; the kernel knows no result 0.
pub(super) fn fib_result(result: u32) -> &'static str {
    word(&["unknown", "oif", "oifname", "type"], result)
}

/// Word for the operation of an `exthdr`, with the blank before it; libnftnl has none for sctp and dccp.
pub(super) fn exthdr_op(op: u32) -> &'static str {
    [" ipv6", " tcpopt", " ipv4"].get(op as usize).unwrap_or(&"")
}

/// Word for the unit of a `limit`, in seconds.
pub(super) fn limit_unit(seconds: u64) -> &'static str {
    match seconds {
        1 => "second",
        60 => "minute",
        3_600 => "hour",
        86_400 => "day",
        604_800 => "week",
        _ => "error",
    }
}

/// Word for a protocol family.
pub(super) fn family(number: u32) -> &'static str {
    match number {
        1 => "inet",
        2 => "ip",
        3 => "arp",
        5 => "netdev",
        7 => "bridge",
        10 => "ip6",
        _ => "unknown",
    }
}

/// Flag words of `fib`, lowest bit first.
pub(super) const FIB_FLAGS: [&str; 5] = ["saddr", "daddr", "mark", "iif", "oif"];

/// Flag words of `log` (`NF_LOG_*`).
pub(super) const LOG_FLAGS: [(u32, &str); 5] =
    [(0x01, "tcpseq"), (0x02, "tcpopt"), (0x04, "ipopt"), (0x08, "uid"), (0x20, "macdecode")];

fn word(words: &[&'static str], index: u32) -> &'static str {
    usize::try_from(index).ok().and_then(|at| words.get(at)).copied().unwrap_or("unknown")
}
