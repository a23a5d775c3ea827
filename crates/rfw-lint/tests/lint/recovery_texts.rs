//! Texts that iptables refuses, and what was meant. The tests of the command line give them to the real one.

/// Rules around the one that is tried, so that there is something to find behind it.
pub fn around(rule: &str) -> String {
    format!(
        "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\n{rule}\n\
         -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT\n-A INPUT -j DROP\n-A INPUT -p udp --dport 53 -j ACCEPT\nCOMMIT\n"
    )
}

/// A wrong line, the right one, and the codes of the faults.
pub const LINES: &[(&str, &str, &[u16])] = &[
    ("-A INPUT –p tcp —dport 22 -j ACCEPT", "-A INPUT -p tcp --dport 22 -j ACCEPT", &[101]),
    ("-A INPUT -p tcp −−dport 22 -j DROP", "-A INPUT -p tcp --dport 22 -j DROP", &[101]),
    ("-A INPUT -j LOG --log-prefix “no: ”", "-A INPUT -j LOG --log-prefix \"no: \"", &[102]),
    ("-A INPUT -j LOG --log-prefix \"no: ”", "-A INPUT -j LOG --log-prefix \"no: \"", &[102]),
    (
        "-A INPUT\u{a0}-p tcp --dport\u{a0}22 -j\u{200b} ACCEPT",
        "-A INPUT -p tcp --dport 22 -j ACCEPT",
        &[102],
    ),
    ("-A INPUT -p tcp --dport 22 -j accept", "-A INPUT -p tcp --dport 22 -j ACCEPT", &[103]),
    ("-A INPUT -p tcp --dport 22 -j ALLOW", "-A INPUT -p tcp --dport 22 -j ACCEPT", &[103]),
    ("-A input -p tcp --dport 22 -j ACCEPT", "-A INPUT -p tcp --dport 22 -j ACCEPT", &[104]),
    ("-A INPUT --dport 22 -j ACCEPT", "-A INPUT -p tcp --dport 22 -j ACCEPT", &[106]),
    ("-A INPUT --syn -j ACCEPT", "-A INPUT -p tcp --syn -j ACCEPT", &[106]),
    ("-A INPUT --dport 53 -p udp -j ACCEPT", "-A INPUT -p udp --dport 53 -j ACCEPT", &[106]),
    ("-A INPUT ! --dport 53 -p udp -j ACCEPT", "-A INPUT -p udp ! --dport 53 -j ACCEPT", &[106]),
    (
        "-A INPUT -m multiport --dports 22,25 -j ACCEPT",
        "-A INPUT -p tcp -m multiport --dports 22,25 -j ACCEPT",
        &[106],
    ),
    (
        "-A INPUT -p tcp --dport 80,443 -j ACCEPT",
        "-A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT",
        &[107],
    ),
    (
        "-A INPUT -p tcp ! --sport 80,443 -j DROP",
        "-A INPUT -p tcp -m multiport ! --sports 80,443 -j DROP",
        &[107],
    ),
    (
        "-A INPUT -p tcp --dports 80,443 -j ACCEPT",
        "-A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT",
        &[107],
    ),
    (
        "-A INPUT -m conntrack --ctstate NEW, RELATED -j DROP",
        "-A INPUT -m conntrack --ctstate NEW,RELATED -j DROP",
        &[108],
    ),
    (
        "-A INPUT -m state --state NEW ,RELATED , INVALID -j DROP",
        "-A INPUT -m state --state NEW,RELATED,INVALID -j DROP",
        &[108],
    ),
    (
        "-A INPUT -m conntrack --ctstate NEW,REALTED -j DROP",
        "-A INPUT -m conntrack --ctstate NEW,RELATED -j DROP",
        &[108],
    ),
    ("-A INPUT -m conntrack --ctstate NEW, -j DROP", "-A INPUT -m conntrack --ctstate NEW -j DROP", &[108]),
    ("-A INPUT -s 192.0.2.1, 192.0.2.2 -j DROP", "-A INPUT -s 192.0.2.1,192.0.2.2 -j DROP", &[108]),
    ("sudo iptables -A INPUT -p tcp --dport 22 -j ACCEPT", "-A INPUT -p tcp --dport 22 -j ACCEPT", &[109]),
    (
        "[root@gw ~]# /sbin/iptables -A INPUT -p tcp --dport 22 -j ACCEPT",
        "-A INPUT -p tcp --dport 22 -j ACCEPT",
        &[109],
    ),
    ("-t filter -A INPUT -p tcp --dport 22 -j ACCEPT", "-A INPUT -p tcp --dport 22 -j ACCEPT", &[109]),
    (
        "iptables -w 5 -t filter -A INPUT -p tcp --dport 22 -j ACCEPT",
        "-A INPUT -p tcp --dport 22 -j ACCEPT",
        &[109],
    ),
    ("-A INPUT -p tcp --dport 22 -j ACCEPT # ssh: \"mine\"", "-A INPUT -p tcp --dport 22 -j ACCEPT", &[111]),
    ("-A INPUT -s ! 192.0.2.0/24 -p ! tcp -j DROP", "-A INPUT ! -s 192.0.2.0/24 ! -p tcp -j DROP", &[120]),
    (
        "-A INPUT -p tcp --tcp-flags ! SYN,ACK SYN -j DROP",
        "-A INPUT -p tcp ! --tcp-flags SYN,ACK SYN -j DROP",
        &[120],
    ),
    ("-A FORWARD -m time --days Sun,Mon -j DROP", "-A FORWARD -m time --weekdays Sun,Mon -j DROP", &[812]),
    (
        "iptables –A INPUT -s ! 192.0.2.1 –m state –state NEW, RELATED -j drop # why",
        "-A INPUT ! -s 192.0.2.1 -m state --state NEW,RELATED -j DROP",
        &[101, 103, 108, 109, 111, 120],
    ),
];

/// Wrong files and right ones, and the codes.
pub const FILES: &[(&str, &str, &[u16])] = &[
    (
        "*filter\r\n-A INPUT -j DROP\r\n-A INPUT -j DROP\r\nCOMMIT\r\n",
        "*filter\n-A INPUT -j DROP\n-A INPUT -j DROP\nCOMMIT\n",
        &[110],
    ),
    ("\u{feff}*filter\n-A INPUT -j DROP\nCOMMIT\n", "*filter\n-A INPUT -j DROP\nCOMMIT\n", &[109]),
    (
        "*filter\n-A INPUT -j DROP\n-A INPUT -j DROP\nCOMMIT  \n",
        "*filter\n-A INPUT -j DROP\n-A INPUT -j DROP\nCOMMIT\n",
        &[109],
    ),
    ("*filter\n   \n-A INPUT -j DROP\n\t\nCOMMIT\n  \n", "*filter\n\n-A INPUT -j DROP\n\nCOMMIT\n\n", &[109]),
    (
        " *filter\n  :INPUT DROP [0:0]\n -A INPUT -p tcp -j ACCEPT\n  # hm\n commit\n",
        "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -j ACCEPT\n# hm\nCOMMIT\n",
        &[109, 109],
    ),
    (
        "*filter\n-A INPUT -p tcp \\\n  --dport 22 \\\n -j DROP\n-A INPUT -p tcp --dport 22 -j DROP\nCOMMIT\n",
        "*filter\n-A INPUT -p tcp --dport 22 -j DROP\n\n\n-A INPUT -p tcp --dport 22 -j DROP\nCOMMIT\n",
        &[109],
    ),
    (
        "*filter\n-A INPUT -j DROP\n-A INPUT -j ACCEPT\n",
        "*filter\n-A INPUT -j DROP\n-A INPUT -j ACCEPT\nCOMMIT\n",
        &[109],
    ),
    (
        "*nat\n-A PREROUTING -j ACCEPT\n*filter\n-A INPUT -j DROP\n-A INPUT -j ACCEPT\nCOMMIT\n",
        "*nat\n-A PREROUTING -j ACCEPT\n*filter\n-A INPUT -j DROP\n-A INPUT -j ACCEPT\nCOMMIT\n",
        &[109],
    ),
    (
        "Here is what I have:\n\n*filter\n-A INPUT -j DROP\n-A INPUT -j ACCEPT\nCOMMIT\nAny ideas?\nThanks\n",
        "# \n\n*filter\n-A INPUT -j DROP\n-A INPUT -j ACCEPT\nCOMMIT\n",
        &[109, 109],
    ),
    (
        "*filter\n-A INPUT -j DROP\nCOMMIT\n-A INPUT -j ACCEPT\n",
        "*filter\n-A INPUT -j DROP\n\n-A INPUT -j ACCEPT\nCOMMIT\n",
        &[109],
    ),
    (
        "*filter\n-A INPUT -p tcp -j DROP\nCOMMIT\n*filter\n-A INPUT -p tcp -j DROP\nCOMMIT\n",
        "*filter\n-A INPUT -p tcp -j DROP\n\n\n-A INPUT -p tcp -j DROP\nCOMMIT\n",
        &[112],
    ),
    (
        "*Filter\n-A INPUT -j DROP\n-A INPUT -j ACCEPT\nCOMMIT\n",
        "*filter\n-A INPUT -j DROP\n-A INPUT -j ACCEPT\nCOMMIT\n",
        &[153],
    ),
    (
        "*broute\n-A BROUTING -j DROP\nCOMMIT\n*filter\n-A INPUT -j DROP\n-A INPUT -j ACCEPT\nCOMMIT\n",
        "#\n\n\n*filter\n-A INPUT -j DROP\n-A INPUT -j ACCEPT\nCOMMIT\n",
        &[153],
    ),
];
