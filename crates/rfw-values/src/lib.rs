//! Values of iptables options: parse, print, bytes.
