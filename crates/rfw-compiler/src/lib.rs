//! The intermediate form of a ruleset: build, verify, lower, raise, lift, print.
