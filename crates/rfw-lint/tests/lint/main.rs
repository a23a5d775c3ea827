//! Tests of the checks on whole texts.

mod cases;
mod common;
mod pages;
mod reasoning;
mod scripts;
mod suppression;
