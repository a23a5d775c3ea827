//! `rfw lint --live`: both families of the running ruleset, as one host's.

use crate::support::{World, links, possible};

#[test]
fn both_families_are_looked_at() {
    if !possible(&["nsenter"]) {
        return;
    }
    let world = World::new();
    let rfw = env!("CARGO_BIN_EXE_rfw");
    let folder = links("lint-live");
    for (name, port) in [("iptables", "22"), ("ip6tables", "23")] {
        for rest in ["-j DROP", &format!("-p tcp --dport {port} -j ACCEPT")] {
            world.tool(&format!("{} -t security -A FORWARD {rest}", folder.join(name).display()));
        }
    }
    let lint = |arguments: &[&str]| -> (Option<i32>, Vec<String>) {
        let mut words = vec!["lint", "--isolated", "--live", "--format", "json", "--select", "RFW304"];
        words.extend(arguments);
        let out = world.run(rfw, &words, "", &[]);
        let all: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
        let files = all.as_array().expect("an array").iter();
        (out.status.code(), files.map(|f| f["file"].as_str().expect("a name").to_owned()).collect())
    };
    let both = ["<running IPv4 ruleset>", "<running IPv6 ruleset>"];
    assert_eq!(lint(&[]), (Some(1), both.map(str::to_owned).to_vec()));
    assert_eq!(lint(&["-6"]).1, both[1..]);
    assert_eq!(lint(&["--ignore", "RFW304"]), (Some(0), Vec::new()));
}

#[test]
fn the_running_rules_are_compared_with_what_the_next_start_loads() {
    if !possible(&["nsenter", "iptables", "ip6tables"]) {
        return;
    }
    let world = World::new();
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("lint-boot");
    std::fs::create_dir_all(&folder).expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("written");
    for rest in [
        "-P INPUT DROP",
        "-A INPUT -i lo -j ACCEPT",
        "-A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
        "-A INPUT -p tcp --dport 22 -j ACCEPT",
    ] {
        world.tool(&format!("iptables {rest}"));
    }
    write("rules.v4", &world.tool("iptables-save"));
    write("rules.v6", "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n");
    write("rfw.toml", "boot-file = { ipv4 = \"rules.v4\", ipv6 = \"rules.v6\" }\nsingle-family = true\n");
    let config = folder.join("rfw.toml");
    let drift = || {
        let config = config.to_str().expect("a path");
        let words = ["lint", "--live", "--config", config, "--format", "json", "--select", "RFW815"];
        let out = world.run(env!("CARGO_BIN_EXE_rfw"), &words, "", &[]);
        let all: serde_json::Value = serde_json::from_slice(&out.stdout).expect("JSON");
        let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
        let found: Vec<_> =
            all.as_array().expect("an array").iter().map(|f| (text(&f["file"]), f.clone())).collect();
        (out.status.code(), found, String::from_utf8_lossy(&out.stderr).into_owned())
    };
    // What was saved is what runs, whatever the counters say.
    assert_eq!(drift().1, []);
    // Typed in and never saved; another family is no matter.
    world.tool("iptables -A INPUT -p tcp --dport 443 -j ACCEPT");
    world.tool("iptables -A INPUT -p udp --dport 53 -j ACCEPT");
    let (status, found, _) = drift();
    let [(file, one)] = found.as_slice() else { panic!("{found:#?}") };
    assert_eq!((status, file.as_str()), (Some(1), "<running IPv4 ruleset>"));
    assert_eq!(one["message"], "after a reboot packets will fare otherwise, in 2 ways");
    assert_eq!(one["labels"].as_array().map(Vec::len), Some(2), "{one}");
    // Said of each rule where iptables shows it.
    let line = one["labels"][0]["line"].as_u64().and_then(|line| usize::try_from(line).ok()).expect("a line");
    let saved = world.tool("iptables-save");
    let rules: Vec<_> = saved.lines().collect();
    assert!(rules[line - 1].contains("--dport 443"), "{one}\n{saved}");
    // Other programs' chains come and go.
    write("rules.v4", &saved);
    world.tool("iptables -N DOCKER-USER");
    world.tool("iptables -I FORWARD -j DOCKER-USER");
    assert_eq!(drift().1, []);
    // The other family, deleted by hand.
    world.tool("ip6tables -P INPUT DROP");
    let (_, found, _) = drift();
    assert_eq!(found.iter().map(|(file, _)| file.as_str()).collect::<Vec<_>>(), ["<running IPv6 ruleset>"]);
    // A file that the settings name has to be there.
    std::fs::remove_file(folder.join("rules.v6")).expect("removed");
    let (status, found, said) = drift();
    assert_eq!((status, found.len()), (Some(2), 0));
    assert!(said.contains("rules.v6: No such file"), "{said}");
}
