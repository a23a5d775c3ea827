//! The engine against the interpreter, and by hand.

mod agree;
mod build;
mod cases;
mod cover;
mod ways;
