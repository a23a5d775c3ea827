//! `rfw persist`: files and kernel agree, and a broken file leaves a closed firewall.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::support::{World, possible};

const RULES: &str = "\
*filter
:INPUT DROP [7:700]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:web - [0:0]
[3:180] -A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -m tcp --dport 80 -j web
-A web -m comment --comment \"a b\" -j ACCEPT
COMMIT
*nat
-A POSTROUTING -o eth0 -j MASQUERADE
COMMIT
";
const RULES6: &str = "*filter\n-A INPUT -s 2001:db8::/32 -j DROP\nCOMMIT\n";

/// A namespace, and folders for the files and for those of another program.
struct Host {
    world: World,
    folder: PathBuf,
    other: PathBuf,
}

impl Host {
    fn new(tag: &str) -> Option<Self> {
        if !possible(&["nft", "iptables", "nsenter"]) {
            return None;
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("persist-{tag}"));
        let other = folder.join("iptables");
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&other).expect("a folder");
        Some(Self { world: World::new(), folder, other })
    }

    fn persist(&self, line: &str) -> (i32, String, String) {
        let mut words = vec!["persist"];
        words.extend(line.split(' '));
        let (dir, other) = (self.folder.display().to_string(), self.other.display().to_string());
        words.extend(["--dir", &dir, "--fallback-dir", &other]);
        let out = self.world.run(env!("CARGO_BIN_EXE_rfw"), &words, "", &[]);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (out.status.code().expect("no signal"), text(&out.stdout), text(&out.stderr))
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.join(name), text).expect("written");
    }

    fn read(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(name)).ok()
    }

    fn restart(&mut self) {
        self.world = World::new();
    }

    fn rfw(&self, line: &str) -> String {
        self.world.tool(&format!("{} {line}", env!("CARGO_BIN_EXE_rfw")))
    }

    fn v6(&self) -> String {
        let words = ["-c", "exec -a rfw6 \"$0\" -S", env!("CARGO_BIN_EXE_rfw")];
        String::from_utf8_lossy(&self.world.run("bash", &words, "", &[]).stdout).into_owned()
    }
}

#[test]
fn what_is_saved_is_loaded_at_the_next_boot() {
    let Some(mut host) = Host::new("round") else { return };
    assert_eq!(host.world.run("iptables-restore", &["-c"], RULES, &[]).status.code(), Some(0));
    assert_eq!(host.world.run("ip6tables-restore", &[], RULES6, &[]).status.code(), Some(0));
    assert_eq!(host.persist("save -c"), (0, String::new(), String::new()));
    let mode = |name: &str| fs::metadata(host.folder.join(name)).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode("rules.v4"), mode("rules.v6")), (0o600, 0o600));
    assert!(host.read("rules.v4").expect("saved").contains("[3:180] -A INPUT -i lo -j ACCEPT\n"));
    let before = (host.rfw("-S"), host.rfw("-t nat -S"), host.v6());
    assert!(before.0.contains("-A web -m comment") && before.2.contains("2001:db8::/32"), "{before:?}");

    host.restart();
    assert_eq!(host.persist("load -c"), (0, String::new(), String::new()));
    assert_eq!((host.rfw("-S"), host.rfw("-t nat -S"), host.v6()), before);
    assert!(host.rfw("-S -v").contains("-A INPUT -i lo -c 3 180 -j ACCEPT\n"));
    assert_eq!(host.read("rules.v4"), host.read("rules.v4.good"));
    assert_eq!(host.read("rules.v6"), host.read("rules.v6.good"));
    assert_eq!(host.persist("status"), (0, String::new(), String::new()));
}

#[test]
fn an_empty_kernel_is_saved_as_one_that_accepts() {
    let Some(mut host) = Host::new("empty") else { return };
    assert_eq!(host.persist("save").0, 0);
    host.restart();
    assert_eq!(host.persist("load"), (0, String::new(), String::new()));
    assert!(host.rfw("-S").starts_with("-P INPUT ACCEPT\n"));
    assert_eq!(host.persist("status").0, 0);
}

#[test]
fn status_ignores_spelling_and_counters_and_shows_the_rest() {
    let Some(host) = Host::new("status") else { return };
    host.write("rules.v4", RULES);
    host.write("rules.v6", RULES6);
    assert_eq!(host.persist("load").0, 0);
    // The same ruleset in other words.
    host.write(
        "rules.v4",
        "*nat\n-A POSTROUTING --out-interface eth0 --jump MASQUERADE\nCOMMIT\n# note\n*filter\n:web -\n\
         -P INPUT DROP\n-A web -j ACCEPT -m comment --comment \"a b\"\n-A INPUT -p tcp --destination-port http -j web\n\
         -I INPUT -i lo -j ACCEPT\nCOMMIT\n",
    );
    assert_eq!(host.persist("status"), (0, String::new(), String::new()));
    host.rfw("-D INPUT 1");
    host.rfw("-A INPUT -p udp --dport 53 -j ACCEPT");
    let (status, diff, errors) = host.persist("status");
    assert_eq!((status, errors.as_str()), (1, ""));
    let changed: Vec<&str> = diff.lines().filter(|l| l.starts_with(['-', '+'])).skip(2).collect();
    assert_eq!(
        changed,
        ["--A INPUT -i lo -j ACCEPT", "+-A INPUT -p udp -m udp --dport 53 -j ACCEPT"],
        "{diff}"
    );
    assert!(diff.contains("/rules.v4\n+++ running IPv4 ruleset\n@@ "), "{diff}");
    assert_eq!(host.persist("status -6").0, 0);
    fs::remove_file(host.folder.join("rules.v6")).expect("removed");
    let (status, diff, errors) = host.persist("status -6");
    assert_eq!(status, 1);
    assert!(
        diff.contains("\n+-A INPUT -s 2001:db8::/32 -j DROP\n") && errors.contains("there is no "),
        "{diff}"
    );
}

#[test]
fn rules_of_nft_count_without_their_counters() {
    let Some(host) = Host::new("foreign") else { return };
    host.write("rules.v4", RULES);
    assert_eq!(host.persist("load -4").0, 0);
    for rule in ["ct mark 7 counter packets 5 bytes 9 accept", "meta cpu 1 counter accept"] {
        host.world.tool(&format!("nft add rule ip filter FORWARD {rule}"));
        assert_eq!(host.persist("status -4").0, 1, "{rule}");
        assert_eq!(host.persist("save -4").0, 0, "{rule}");
        assert_eq!(host.persist("status -4").0, 0, "{rule}");
    }
    // A set can't be in a file: better the old file than one that fails at boot.
    let before = host.read("rules.v4");
    host.world.tool("nft add rule ip filter FORWARD tcp dport { 22, 80 } accept");
    let (status, _, errors) = host.persist("save -4");
    assert_eq!(status, 1, "{errors}");
    assert!(errors.contains("is kept"), "{errors}");
    assert_eq!(host.read("rules.v4"), before);
}

#[test]
fn the_other_programs_files_are_read_too() {
    let Some(host) = Host::new("other") else { return };
    fs::write(host.other.join("rules.v4"), RULES).expect("written");
    fs::write(host.other.join("rules.v6"), "").expect("written");
    let (status, _, errors) = host.persist("load");
    assert_eq!(status, 0, "{errors}");
    assert!(errors.contains("IPv4: loaded ") && errors.contains("IPv6: no rules in "), "{errors}");
    assert!(host.rfw("-S").contains("-P INPUT DROP"));
    assert_eq!(host.read("rules.v4.good").as_deref(), Some(RULES));
    // What is in rfw's folder goes before.
    host.write("rules.v4", "*filter\n-A INPUT -j DROP\nCOMMIT\n");
    assert_eq!(host.persist("load -4"), (0, String::new(), String::new()));
    assert!(host.rfw("-S").contains("-A INPUT -j DROP"));
}

/// Files that must not be loaded, nor leave anything of them.
const BROKEN: &[&str] = &[
    "",
    "# cut short\n",
    "*filter\n:INPUT DROP [0:0]\n-A INPUT -s 192.0.2.1 -j ACCEPT\n",
    "*filter\n-A INPUT -s 192.0.2.1 -j ACCEPT\nCOMMIT\n*nat\n-A INPUT -j NOWHERE\nCOMMIT\n",
    // What only the kernel refuses, and that in a second transaction.
    "*filter\n-A INPUT -s 192.0.2.1 -j ACCEPT\nCOMMIT\n*filter\n:A - [0:0]\n-A A -j A\n-A INPUT -j A\nCOMMIT\n",
    "*filter\n:A - [0:0]\n-A INPUT -s 192.0.2.1 -j ACCEPT\n-A A -j A\n-A INPUT -j A\nCOMMIT\n",
];

#[test]
fn a_broken_file_leaves_the_last_good_ruleset() {
    let Some(mut host) = Host::new("good") else { return };
    host.write("rules.v4", RULES);
    host.write("rules.v6", RULES6);
    assert_eq!(host.persist("load").0, 0);
    let good = (host.rfw("-S"), host.rfw("-t nat -S"));
    for broken in BROKEN {
        host.write("rules.v4", broken);
        host.restart();
        let (status, _, errors) = host.persist("load");
        assert_eq!(status, 1, "{broken}{errors}");
        assert!(
            errors.contains("IPv4: FAIL-SAFE in force: ") && errors.contains("rules.v4.good"),
            "{errors}"
        );
        assert_eq!((host.rfw("-S"), host.rfw("-t nat -S")), good, "{broken}");
        assert!(host.v6().contains("2001:db8::/32"), "the other family is loaded all the same");
        assert_eq!(host.read("rules.v4.good").as_deref(), Some(RULES));
    }
    fs::remove_file(host.folder.join("rules.v4")).expect("removed");
    host.restart();
    let (status, _, errors) = host.persist("load -4");
    assert_eq!((status, host.rfw("-S")), (1, good.0), "{errors}");
}

#[test]
fn without_a_good_ruleset_the_fail_safes_close() {
    let Some(mut host) = Host::new("minimal") else { return };
    for broken in BROKEN {
        host.write("rules.v4", broken);
        host.write("rules.v6", broken);
        host.restart();
        let (status, _, errors) = host.persist("load");
        assert_eq!(status, 1, "{broken}{errors}");
        assert_eq!(errors.matches("FAIL-SAFE in force, built in").count(), 2, "{errors}");
        let rules = host.rfw("-S");
        for line in [
            "-P INPUT DROP\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n-A INPUT -i lo -j ACCEPT\n",
            "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n",
            "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n",
        ] {
            assert!(rules.contains(line), "{rules}");
        }
        assert!(!rules.contains("192.0.2.1"), "{rules}");
        assert!(host.v6().contains("-A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 135 -j ACCEPT\n"));
        assert_eq!(host.read("rules.v4.good"), None);
    }
    host.write("failsafe.v4", "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp --dport 2222 -j ACCEPT\nCOMMIT\n");
    host.restart();
    let (status, _, errors) = host.persist("load -4");
    assert_eq!(status, 1, "{errors}");
    assert!(errors.contains("failsafe.v4\n"), "{errors}");
    assert!(host.rfw("-S").contains("--dport 2222"));
    host.write("failsafe.v4", "no ruleset\n");
    host.restart();
    assert_eq!(host.persist("load -4").0, 1);
    assert!(host.rfw("-S").contains("--dport 22 "));
}

#[test]
fn keep_leaves_the_running_ruleset() {
    let Some(host) = Host::new("keep") else { return };
    host.write("rules.v4", RULES);
    assert_eq!(host.persist("load -4").0, 0);
    host.rfw("-A INPUT -s 192.0.2.7 -j DROP");
    host.write("rules.v4", "*filter\n-A INPUT -j NOWHERE\nCOMMIT\n");
    let (status, _, errors) = host.persist("load -4 --keep");
    assert_eq!(status, 1);
    assert!(errors.contains("unchanged"), "{errors}");
    assert!(host.rfw("-S").contains("192.0.2.7"));
}

#[test]
fn nothing_kept_is_nothing_loaded() {
    let Some(host) = Host::new("nothing") else { return };
    let (status, _, errors) = host.persist("load");
    assert_eq!(status, 0);
    assert_eq!(errors.matches("nothing is loaded").count(), 2, "{errors}");
    assert_eq!(host.world.tool("nft list ruleset"), "");
}

#[test]
fn a_kernel_that_takes_nothing_is_told() {
    let Some(host) = Host::new("refused") else { return };
    host.write("rules.v4", RULES);
    let (dir, rfw) = (host.folder.display().to_string(), env!("CARGO_BIN_EXE_rfw"));
    let without = [
        "--bounding-set",
        "-net_admin",
        "--inh-caps",
        "-net_admin",
        rfw,
        "persist",
        "load",
        "-4",
        "--dir",
        &dir,
    ];
    let out = host.world.run("setpriv", &without, "", &[]);
    let errors = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(4), "{errors}");
    assert!(
        errors.ends_with("rfw persist load: IPv4: NO FIREWALL: the kernel takes no ruleset\n"),
        "{errors}"
    );
    assert_eq!(host.read("rules.v4.good"), None);
}
