//! How the program is linked, for a quick start: `iptables` is called a thousand times by scripts, and most calls take less time
//! than the dynamic linker's work.
//!
//! Contract: what is not found here, or was not measured, stays at its defaults.

use std::env;
use std::path::PathBuf;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|v| v == value);
    let features = env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    let static_libc = features.split(',').any(|feature| feature == "crt-static");
    if !is("CARGO_CFG_TARGET_OS", "linux") || !is("CARGO_CFG_TARGET_ENV", "gnu") || static_libc {
        return;
    }
    // The tables of extensions, options and checks hold ten thousand addresses. At a fixed place the linker fills them in once;
    // otherwise each start does, and touches a hundred pages for it.
    println!("cargo::rustc-link-arg-bin=rfw=-no-pie");
    if let Some(folder) = folder_of("libgcc_eh.a").filter(|_| env::var("HOST") == env::var("TARGET")) {
        // The unwinder that libgcc_s.so would be loaded for.
        println!("cargo::rustc-link-search=native={}", folder.display());
        println!("cargo::rustc-link-lib=static:-bundle=gcc_eh");
    }
}

/// Where the C compiler that links keeps a library of its own.
fn folder_of(library: &str) -> Option<PathBuf> {
    let linker = env::var_os("RUSTC_LINKER").unwrap_or_else(|| "cc".into());
    let output = Command::new(linker).arg(format!("-print-file-name={library}")).output().ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim_end());
    // A library that is not there is answered with its bare name.
    path.parent().filter(|folder| folder.is_absolute() && path.exists()).map(PathBuf::from)
}
