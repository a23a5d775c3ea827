//! One file per iptables match or target, and the registry of them.
