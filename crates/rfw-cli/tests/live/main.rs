//! rfw in network namespaces: as iptables, beside iptables, on files with mistakes, without privileges.

mod coexist;
mod drop_in;
mod restore;
mod support;
mod unprivileged;
