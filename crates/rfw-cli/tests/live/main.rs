//! rfw in network namespaces: as iptables, beside iptables, on files with mistakes, with whole rulesets, without privileges.

mod apply;
mod coexist;
mod concurrent;
mod drop_in;
mod lint_cases;
mod lint_live;
mod monitor;
mod persist;
mod restore;
mod rulesets;
mod sets;
mod support;
mod unprivileged;
mod versions;
mod xml;
