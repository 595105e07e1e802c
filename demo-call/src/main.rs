//! A call between two hosts, or a host and a browser, through Portcullis.

mod alone;
mod call;
mod candidates;
mod cli;
mod dial;
mod error;
mod http;
mod incoming;
mod key_log;
mod listen;
mod media;
mod metrics;
mod monitor;
mod ntp;
mod opus;
mod page;
mod player;
mod progress;
mod reception;
mod recordings;
mod report;
mod security;
mod stream;
mod summary;
mod whip;
mod whip_client;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

#[tokio::main]
async fn main() -> ExitCode {
    let Cli { command, alone } = Cli::parse();
    print_events();
    let result = match command {
        None => alone::run(alone).await,
        Some(Command::Listen(listen)) => listen::run(listen).await,
        Some(Command::Dial(dial)) => dial::run(dial).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints events on stderr if `RUST_LOG` says which.
fn print_events() {
    if let Ok(filter) = tracing_subscriber::EnvFilter::try_from_default_env() {
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .init();
    }
}
