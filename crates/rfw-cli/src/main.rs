//! The multi-call binary: the iptables personalities and rfw's own commands.
//!
//! Contract: all printing and all exit codes of the project are in this crate. argv\[0\] chooses the personality; for `rfw`
//! a first word without a dash is a command of ours, anything else is iptables grammar.

mod apply;
mod engine;
mod getopt;
mod iptables;
mod names;
mod own;
mod personality;
mod report;
mod restore;
mod save;
mod settings;
mod show;
mod translate;
mod xml;

use std::os::unix::ffi::OsStringExt;
use std::process::ExitCode;

use personality::{Personality, Role};
use rfw_diagnostics::Classic;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().map(OsStringExt::into_vec);
    let program = arguments.next().unwrap_or_default();
    let mut arguments: Vec<Vec<u8>> = arguments.collect();
    let mut personality = Personality::from_path(&program);
    if personality.ours
        && let Some(first) = arguments.first()
        && let Some(role) = personality::subcommand(first)
    {
        personality.role = role;
        personality.word = String::from_utf8_lossy(first).into_owned();
        arguments.remove(0);
    } else if personality.ours
        && personality.role == Role::Command
        && arguments.first().is_some_and(|word| !word.starts_with(b"-") && word.as_slice() != b"!")
    {
        return ExitCode::from(own::run(&arguments));
    }
    match settings::compat_version(&mut arguments) {
        Ok(version) => personality.version = version,
        Err(text) => return ExitCode::from(report::plain(&personality, &Classic::Parameter(text))),
    }
    let status = match personality.role {
        Role::Command => iptables::run(&personality, arguments),
        Role::Restore => restore::run(&personality, arguments),
        Role::Save => save::run(&personality, arguments),
        Role::Translate => translate::run(&personality, arguments),
        Role::RestoreTranslate => translate::run_restore(&personality, &arguments),
        Role::Apply => apply::run(&personality, arguments),
        Role::Xml => xml::run(&personality, &arguments),
        Role::Monitor => own::run_monitor(&personality, &arguments),
    };
    ExitCode::from(status)
}
