//! A call between two hosts, or a host and a browser, through Portcullis.

mod address;
mod admission;
mod alone;
mod archive;
mod call;
mod candidates;
mod cli;
mod config_file;
mod console;
mod dial;
mod error;
mod http;
mod http_client;
mod ice_server;
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
mod port;
mod progress;
mod reception;
mod recordings;
mod refusals;
mod report;
mod security;
mod sources;
mod status;
mod stop;
mod stream;
mod summary;
mod tls;
mod token;
mod whip;
mod whip_client;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use cli::{Cli, Command};
use console::Console;
use error::Error;

/// How long tasks that are left may take to notice the end: they wait for what does not come.
const LEFTOVERS: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let result = Console::start().map_err(Error::Threads);
    let (result, console) = match result {
        Ok(console) => (start(&console), Some(console)),
        Err(error) => (Err(error), None),
    };
    let Err(error) = &result else {
        console.iter().for_each(Console::flush);
        return ExitCode::SUCCESS;
    };
    if let Some(console) = console {
        console.error(format_args!("error: {error}"));
        console.flush();
    }
    match error {
        Error::Usage(_) => ExitCode::from(2),
        _ => ExitCode::FAILURE,
    }
}

fn start(console: &Console) -> Result<(), Error> {
    let arguments = config_file::with_config(std::env::args_os().collect())?;
    let Cli { command, alone } = Cli::parse_from(arguments);
    print_events(console);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Error::Threads)?;
    let result = runtime.block_on(async {
        match command {
            None => alone::run(alone, console).await,
            Some(Command::Listen(listen)) => listen::run(listen, console).await,
            Some(Command::Dial(dial)) => dial::run(dial, console).await,
        }
    });
    runtime.shutdown_timeout(LEFTOVERS);
    result
}

/// Prints events on stderr if `RUST_LOG` says which.
fn print_events(console: &Console) {
    if let Ok(filter) = tracing_subscriber::EnvFilter::try_from_default_env() {
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(console.clone())
            .init();
    }
}
