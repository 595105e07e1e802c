//! `bogo-shim`: what BoringSSL's protocol test runner drives, here on top of [`dtls`]. See `README.md` beside this file.

mod exchange;
mod flags;
mod settings;
mod transport;

use std::process::ExitCode;

use flags::{Flags, Unimplemented};

/// The runner counts this exit status as "not implemented", never as passed.
const UNIMPLEMENTED: u8 = 89;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("-is-handshaker-supported") {
        println!("No");
        return ExitCode::SUCCESS;
    }
    let flags = match Flags::parse(std::env::args().skip(1)) {
        Ok(flags) => flags,
        Err(Unimplemented(flag)) => {
            eprintln!("unimplemented: {flag}");
            return ExitCode::from(UNIMPLEMENTED);
        }
    };
    match exchange::run(&flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure:?}");
            ExitCode::FAILURE
        }
    }
}
