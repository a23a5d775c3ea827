//! The packet lab's program: the agent that the lab starts in its namespaces.

use std::io;
use std::process::ExitCode;

use rfw_testing::lab;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() == Some("agent")
        && lab::agent::serve(io::stdin().lock(), io::stdout().lock()).is_ok()
    {
        return ExitCode::SUCCESS;
    }
    ExitCode::from(2)
}
