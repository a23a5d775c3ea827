//! The fuzz targets over all fixtures and over the inputs that once broke something.

use std::fs;
use std::panic::catch_unwind;

use rfw_testing::fuzzing::{TARGETS, seeds};
use rfw_testing::names::fixtures_dir;

/// Runs one target over inputs; what panicked, by name.
fn failures(inputs: impl Iterator<Item = (String, Vec<u8>)>, run: fn(&[u8])) -> Vec<String> {
    let broken = |bytes: &Vec<u8>| catch_unwind(|| run(bytes)).is_err();
    inputs.filter(|(_, bytes)| broken(bytes)).map(|(name, _)| name).collect()
}

#[test]
fn fixtures() {
    let seeds = seeds().expect("fixtures");
    for (target, run) in TARGETS {
        let mine: Vec<_> = seeds.iter().filter(|s| s.target == *target).collect();
        assert!(mine.len() > 20, "{target}: {} seeds", mine.len());
        let inputs =
            mine.iter().map(|s| (format!("{:?}", String::from_utf8_lossy(&s.bytes)), s.bytes.clone()));
        let failed = failures(inputs, *run);
        assert!(failed.is_empty(), "{target}, {} of {}:\n{}", failed.len(), mine.len(), failed.join("\n"));
    }
}

#[test]
fn bogons() {
    for entry in fs::read_dir(fixtures_dir().join("bogons")).expect("bogons") {
        let entry = entry.expect("bogons");
        let name = entry.file_name().to_string_lossy().into_owned();
        let files = fs::read_dir(entry.path()).expect("bogons").map(|e| e.expect("bogon").path());
        let inputs: Vec<_> = files.map(|p| (p.display().to_string(), fs::read(&p).expect("bogon"))).collect();
        assert!(TARGETS.iter().any(|(n, _)| *n == name), "{name} is no target");
        // What broke one may break another.
        for (target, run) in TARGETS {
            let failed = failures(inputs.iter().cloned(), *run);
            assert!(failed.is_empty(), "{target}:\n{}", failed.join("\n"));
        }
    }
}
