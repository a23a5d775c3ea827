//! Fixture runner, generators and oracles for the tests.

pub mod lab;
