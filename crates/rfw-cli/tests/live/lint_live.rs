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
