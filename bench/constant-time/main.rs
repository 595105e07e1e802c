//! Whether the kernels of SRTP take the same time whatever the secrets are, asked of the optimized
//! program.
//!
//! Two methods. Under valgrind all secrets are marked as undefined, and memcheck reports each
//! branch and each address that depends on them; it knows no SHA-NI and no AVX-512, so that it
//! reaches the tiers `portable` and `lanes`. For every tier of the CPU a statistical test compares
//! the times of two classes of secrets.

#[cfg(feature = "valgrind")]
mod marking;
mod subject;
mod timing;
mod welch;

use std::process::ExitCode;

use clap::Parser;

/// Looks for times that depend on secrets.
#[derive(Parser)]
struct Options {
    /// Timings of each class in each experiment.
    #[arg(long, default_value_t = 50_000)]
    samples: usize,
    /// Marks secrets for memcheck, under which the program has to run, instead of timing.
    #[cfg(feature = "valgrind")]
    #[arg(long)]
    marked: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    #[cfg(feature = "valgrind")]
    if options.marked {
        return verdict(marking::run());
    }
    verdict(timing::run(options.samples))
}

fn verdict(constant: bool) -> ExitCode {
    if constant {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
