//! Writes the fuzz targets' first inputs, made of the fixtures: `fuzz_seeds DIRECTORY`, one directory per target in it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::{env, fs, io};

use rfw_testing::fuzzing::{TARGETS, seeds};
use rfw_testing::names::fixtures_dir;

fn main() -> io::Result<()> {
    let Some(directory) = env::args_os().nth(1).map(PathBuf::from) else {
        return Err(io::Error::other("which directory?"));
    };
    let mut count = BTreeMap::new();
    for (target, _) in TARGETS {
        fs::create_dir_all(directory.join(target))?;
    }
    for seed in seeds()? {
        let number = count.entry(seed.target).or_insert(0_u32);
        fs::write(directory.join(seed.target).join(format!("seed-{number:05}")), seed.bytes)?;
        *number += 1;
    }
    for (target, _) in TARGETS {
        let bogons = fixtures_dir().join("bogons").join(target);
        if !bogons.is_dir() {
            continue;
        }
        for entry in fs::read_dir(bogons)? {
            let entry = entry?;
            let name = format!("bogon-{}", entry.file_name().to_string_lossy());
            fs::copy(entry.path(), directory.join(target).join(name))?;
        }
    }
    Ok(())
}
