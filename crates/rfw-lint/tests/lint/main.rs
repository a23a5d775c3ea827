//! Tests of the checks on whole texts.

mod cases;
mod common;
mod compare;
mod pages;
mod reasoning;
mod scripts;
mod suppression;
