//! One file per check of a ruleset.
