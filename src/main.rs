//! The `b24-bridge` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    b24_bridge::cli::main()
}
