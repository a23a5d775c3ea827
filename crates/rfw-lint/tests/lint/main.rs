//! Tests of the checks on whole texts.

mod boot;
mod cases;
mod common;
mod compare;
mod facts;
mod families;
mod laws;
mod mending;
mod nat;
mod pages;
mod reasoning;
mod recovery;
mod recovery_texts;
mod rulesets;
mod scripts;
mod states;
mod suppression;
mod walks;
