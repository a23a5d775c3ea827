//! Tests of the checks on whole texts.

mod common;
mod pages;
