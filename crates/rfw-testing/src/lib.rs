//! Fixture runner, generators and oracles for the tests.

pub mod choices;
pub mod fixture;
pub mod fuzzing;
pub mod golden;
pub mod lab;
pub mod laws;
pub mod names;
pub mod oracle;
pub mod pool;
pub mod report;
