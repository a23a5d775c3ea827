//! rfw beside the host's iptables and nft, with default settings: nobody's rules get lost, nobody is made to fail.

use std::path::{Path, PathBuf};

use crate::support::{World, links, possible};

struct Host {
    world: World,
    links: PathBuf,
}

impl Host {
    /// `None` where nothing can be tested.
    fn new(tag: &str) -> Option<Self> {
        possible(&["iptables", "nft", "nsenter"]).then(|| Self { world: World::new(), links: links(tag) })
    }

    fn ours(&self, line: &str, input: &str, environment: &[(&str, &str)]) -> (i32, String, String) {
        let words = crate::support::shell_words(line);
        let arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        told(self.world.run(self.links.join(&words[0]), &arguments, input, environment))
    }

    /// Runs rfw; it must succeed.
    fn rfw(&self, line: &str) -> String {
        let (status, out, errors) = self.ours(line, "", &[]);
        assert_eq!((status, errors.as_str()), (0, ""), "{line}");
        out
    }

    fn stock(&self, line: &str) -> (i32, String, String) {
        let words = crate::support::shell_words(line);
        let arguments: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        told(self.world.run(&words[0], &arguments, "", &[]))
    }

    /// Runs another program; it must succeed. nft has warnings for tables that look like iptables'.
    fn tool(&self, line: &str) -> String {
        let (status, out, errors) = self.stock(line);
        assert_eq!(status, 0, "{line}: {errors}");
        out
    }
}

fn told(out: std::process::Output) -> (i32, String, String) {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (out.status.code().unwrap_or(-1), text(out.stdout), text(out.stderr))
}

/// Without its comment lines, which hold the date and the program's name.
fn bare(save: &str) -> Vec<&str> {
    save.lines().filter(|line| !line.starts_with("# ")).collect()
}

/// One rule of each kind that could be written natively, and some that can't.
const RULES: &[&str] = &[
    "INPUT -i lo -j ACCEPT",
    "INPUT -p tcp -m conntrack --ctstate NEW -m tcp --dport 22 -j ACCEPT",
    "INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT",
    "INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT",
    "INPUT -p icmp -m icmp --icmp-type 8 -m limit --limit 5/sec -j ACCEPT",
    "INPUT -s 10.0.0.0/8 -m mark --mark 0x1/0xff -j DROP",
    "INPUT -m comment --comment \"why not\" -j LOG --log-prefix \"in: \"",
    "INPUT -p tcp -j REJECT --reject-with tcp-reset",
    "FORWARD -m iprange --src-range 10.0.0.1-10.0.0.9 -j DROP",
    "FORWARD -o eth+ -p udp -m udp --sport 53 -j RETURN",
    "OUTPUT -m owner --uid-owner 0 -j ACCEPT",
    "OUTPUT -p tcp -m tcp --tcp-flags SYN,RST SYN -j ACCEPT",
];

#[test]
fn a_table_of_stock_stays_readable_for_stock() {
    let Some(host) = Host::new("coexist-stock") else { return };
    host.tool("iptables -A INPUT -s 192.0.2.1/32 -j DROP");
    host.tool("iptables -t nat -N mine");
    for rule in RULES {
        host.rfw(&format!("rfw -A {rule}"));
    }
    host.rfw("rfw -t nat -A POSTROUTING -o eth0 -j MASQUERADE");
    host.rfw("rfw -t nat -A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.0.2.9:80");
    host.rfw("rfw -t nat -A mine -s 10.0.0.0/8 -j SNAT --to-source 192.0.2.8");
    let text = host.tool("iptables -S");
    for rule in RULES {
        assert!(text.lines().any(|line| line == format!("-A {rule}")), "{rule} is not in\n{text}");
        assert_eq!(host.stock(&format!("iptables -C {rule}")).0, 0, "{rule}");
        assert_eq!(host.ours(&format!("rfw -C {rule}"), "", &[]).0, 0, "{rule}");
    }
    for listing in ["-S", "-L -n", "-L -n -v", "-t nat -S", "-t nat -L -n"] {
        assert_eq!(
            host.tool(&format!("iptables {listing}")),
            host.rfw(&format!("rfw {listing}")),
            "{listing}"
        );
    }
    let (stock, ours) = (host.tool("iptables-save -c"), host.rfw("rfw-save -c"));
    assert_eq!(bare(&stock), bare(&ours));
    for rule in RULES {
        host.tool(&format!("iptables -D {rule}"));
    }
    assert!(!host.tool("iptables -S").contains("-j ACCEPT"));
    assert!(!host.tool("nft list ruleset").contains("managed by rfw"));
}

#[test]
fn a_table_that_does_not_exist_is_made_for_stock_too() {
    let Some(host) = Host::new("coexist-new") else { return };
    for rule in RULES {
        host.rfw(&format!("rfw -A {rule}"));
    }
    let text = host.tool("iptables -S");
    for rule in RULES {
        assert!(text.contains(&format!("-A {rule}\n")), "{rule}\n{text}");
    }
}

#[test]
fn a_native_table_says_so_and_stays_native() {
    let Some(host) = Host::new("coexist-native") else { return };
    host.rfw("rfw --encoding native -A INPUT -m conntrack --ctstate NEW -j ACCEPT");
    let text = host.tool("nft list table ip filter");
    assert!(text.contains("comment \"managed by rfw (native encoding)\""), "{text}");
    host.rfw("rfw -A INPUT -p tcp -m conntrack --ctstate NEW -j REJECT --reject-with tcp-reset");
    host.rfw("rfw -N mine");
    host.rfw("rfw -I mine -m state --state ESTABLISHED -j RETURN");
    let text = host.tool("nft --debug=netlink list ruleset");
    assert!(!text.contains("[ match") && !text.contains("[ target"), "{text}");
    // A restore begins the table anew; it stays ours.
    let save = host.rfw("rfw-save");
    assert_eq!(host.ours("rfw-restore", &save, &[]), (0, String::new(), String::new()));
    let text = host.tool("nft --debug=netlink list ruleset");
    assert!(text.contains("managed by rfw") && !text.contains("[ match"), "{text}");
    assert_eq!(bare(&host.rfw("rfw-save")), bare(&save));
    // Deleting, replacing and zeroing leave it native as well.
    host.rfw("rfw -R INPUT 1 -m conntrack --ctstate INVALID -j DROP");
    host.rfw("rfw -Z");
    host.rfw("rfw -D INPUT -p tcp -m conntrack --ctstate NEW -j REJECT --reject-with tcp-reset");
    let text = host.tool("nft list table ip filter");
    assert!(text.contains("ct state invalid") && !text.contains("xt "), "{text}");
}

#[test]
fn the_encoding_is_chosen_by_option_environment_and_file() {
    let Some(host) = Host::new("coexist-choice") else { return };
    let native = |table: &str| host.tool(&format!("nft list table ip {table}")).contains("managed by rfw");
    assert_eq!(host.ours("rfw -N a", "", &[("RFW_ENCODING", "native")]).0, 0);
    assert!(native("filter"));
    let line = "rfw --encoding compat -t raw -N a";
    assert_eq!(host.ours(line, "", &[("RFW_ENCODING", "native")]).0, 0);
    assert!(!native("raw"));
    let (status, _, errors) = host.ours("rfw -N b", "", &[("RFW_ENCODING", "fast")]);
    assert_eq!(status, 2);
    assert!(errors.contains("RFW_ENCODING: encoding is auto, native or compat, not `fast'"), "{errors}");
    // The file of the host is hidden behind one of ours, in a mount namespace.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("etc-rfw");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("rfw.toml"), "# ours\nencoding = \"native\"\n").expect("a file");
    let script = format!(
        "mount -t tmpfs none /etc && mkdir /etc/rfw && cp {}/rfw.toml /etc/rfw/ && exec {} -t mangle -N a",
        folder.display(),
        host.links.join("rfw").display(),
    );
    let out = told(host.world.run("unshare", &["-m", "sh", "-c", &script], "", &[]));
    assert_eq!(out, (0, String::new(), String::new()));
    assert!(native("mangle"));
}

#[test]
fn foreign_rules_are_shown_kept_and_put_back() {
    let Some(host) = Host::new("coexist-foreign") else { return };
    host.tool("iptables -A INPUT -s 192.0.2.1/32 -j DROP");
    host.tool("nft add rule ip filter INPUT ip id 7 counter accept");
    host.tool("nft add rule ip filter INPUT tcp sequence 1 counter");
    host.tool("iptables -A INPUT -s 192.0.2.2/32 -j DROP");
    let rules = || host.tool("nft list chain ip filter INPUT");
    let before = rules();
    for listing in ["-S", "-S INPUT"] {
        let text = host.rfw(&format!("rfw {listing}"));
        assert_eq!(text.matches("#rfw:foreign INPUT ").count(), 2, "{text}");
        assert!(text.contains("-A INPUT -s 192.0.2.2/32 -j DROP"), "{text}");
    }
    let text = host.rfw("rfw -L -n");
    assert_eq!(text.matches("# no iptables form: ").count(), 2, "{text}");
    let save = host.rfw("rfw-save");
    assert_eq!(host.ours("rfw-restore", &save, &[]), (0, String::new(), String::new()));
    assert_eq!(rules(), before);
    // They count as rules, and nothing deletes them by accident.
    assert_eq!(host.ours("rfw -D INPUT -j ACCEPT", "", &[]).0, 1);
    assert_eq!(host.ours("rfw -C INPUT", "", &[]).0, 1);
    host.rfw("rfw -D INPUT 4");
    host.rfw("rfw -D INPUT 2");
    assert_eq!(host.rfw("rfw -S INPUT").matches("#rfw:foreign").count(), 1);
    host.rfw("rfw -Z INPUT");
    assert!(rules().contains("tcp sequence 1"));
}

#[test]
fn a_save_file_without_its_sets_is_refused_whole() {
    let Some(host) = Host::new("coexist-sets") else { return };
    host.tool("iptables -A INPUT -s 192.0.2.1/32 -j DROP");
    host.tool("nft add set ip filter blocked { type ipv4_addr ; }");
    host.tool("nft add rule ip filter INPUT ct state new tcp dport { 22, 80 } accept");
    host.tool("nft add rule ip filter INPUT tcp dport vmap { 22 : accept, 23 : drop }");
    host.tool("nft add rule ip filter INPUT ip saddr @blocked drop");
    let before = host.tool("nft list ruleset");
    let text = host.rfw("rfw -S INPUT");
    assert_eq!(text.matches("#rfw:foreign INPUT ").count(), 3, "{text}");
    // Saving works, and says what is going to happen.
    let (status, save, errors) = host.ours("rfw-save", "", &[]);
    assert_eq!(status, 0);
    assert!(errors.starts_with("rfw-save: Warning: rules of table `filter' that need sets"), "{errors}");
    let (status, _, errors) = host.ours("rfw-restore", &save, &[]);
    assert_eq!(status, 4);
    assert_eq!(errors.matches("an anonymous set, which a save file does not hold").count(), 2, "{errors}");
    assert_eq!(errors.matches("the set `blocked', which a save file does not hold").count(), 1, "{errors}");
    assert_eq!(host.tool("nft list ruleset"), before);
    // A set that has a name is still there if the table is kept.
    let only: String = save.lines().filter(|l| l.contains("blocked")).map(|l| format!("{l}\n")).collect();
    let file = format!("*filter\n{only}COMMIT\n");
    assert_eq!(host.ours("rfw-restore -n", &file, &[]), (0, String::new(), String::new()));
    assert_eq!(host.tool("nft list ruleset").matches("@blocked drop").count(), 2);
}

#[test]
fn parallel_commands_lose_nothing() {
    let Some(host) = Host::new("coexist-parallel") else { return };
    let host = &host;
    std::thread::scope(|scope| {
        for writer in 0..8 {
            scope.spawn(move || {
                for rule in 1..=25 {
                    host.rfw(&format!("rfw -A INPUT -s 10.0.{writer}.{rule}/32 -j DROP"));
                }
            });
        }
    });
    let text = host.tool("iptables -S INPUT");
    for writer in 0..8 {
        let own: Vec<&str> =
            text.lines().filter(|line| line.contains(&format!("-s 10.0.{writer}."))).collect();
        let expected: Vec<String> =
            (1..=25).map(|rule| format!("-A INPUT -s 10.0.{writer}.{rule}/32 -j DROP")).collect();
        assert_eq!(own, expected);
    }
}
